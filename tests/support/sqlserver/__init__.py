"""A SQL Server of the tests' own: Microsoft's wire protocol over DuckDB. See `server`."""
