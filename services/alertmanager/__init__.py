"""Debian's Alertmanager with the platform's receivers (MONITORING=on)."""
