"""The built-in SQL Server source: by a cursor, or through change tracking."""
