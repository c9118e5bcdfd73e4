"""COPY INTO: which files, how each is read, and what was refused."""
