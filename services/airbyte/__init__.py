"""Stands for Airbyte: its Config API, public API and sync workers."""
