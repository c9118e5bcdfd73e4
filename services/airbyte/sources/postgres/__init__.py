"""PostgreSQL: DuckDB's scanner reads it in PostgreSQL's binary format."""
