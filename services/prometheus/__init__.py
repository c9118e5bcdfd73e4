"""Debian's Prometheus with the platform's targets and rules (MONITORING=on)."""
