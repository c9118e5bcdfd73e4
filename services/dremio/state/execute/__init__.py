"""One module per family of statements: what it does to the catalog and the tables."""
