"""A small kit for built-in sources: `spec / check / discover / read → relation + state`.

No row passes through Python: a source says what to read as a DuckDB relation, and the
destination has DuckDB stream it into Parquet. A source that has Arrow batches instead
registers a `pyarrow.RecordBatchReader` with the connection and names that.
"""
