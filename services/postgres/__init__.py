"""PostgreSQL from its wheel, over TCP, for metadata and the sample operational database."""
