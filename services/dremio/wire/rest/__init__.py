"""Dremio's REST API (v3, and the v2 endpoints its clients use)."""
