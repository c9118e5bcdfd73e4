"""Indices and documents in DuckDB; knows nothing of HTTP."""
