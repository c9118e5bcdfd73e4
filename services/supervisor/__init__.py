"""Runs the services as supervised processes."""
