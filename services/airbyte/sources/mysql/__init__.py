"""MySQL and MariaDB: DuckDB's scanner reads them in MySQL's binary protocol."""
