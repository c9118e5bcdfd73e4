"""Stands for Dremio: its REST API, Arrow Flight and SQL over DuckDB and Iceberg."""
