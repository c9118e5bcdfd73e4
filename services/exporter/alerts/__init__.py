"""Alerts without Prometheus: the same rules, evaluated over the exporter's own samples."""
