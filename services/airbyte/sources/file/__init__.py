"""Files: CSV, JSON lines and Parquet from disk, HTTP or S3; DuckDB reads them."""
