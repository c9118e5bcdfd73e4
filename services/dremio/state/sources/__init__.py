"""What lies outside the lake's tables: files, databases and document stores as sources."""
