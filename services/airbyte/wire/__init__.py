"""Airbyte's two HTTP APIs."""
