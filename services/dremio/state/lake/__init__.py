"""Iceberg tables in table buckets: listed over the REST catalog, read and written by DuckDB."""
