"""Dremio's SQL: parsed with sqlglot, resolved against the catalog, rewritten for DuckDB."""
