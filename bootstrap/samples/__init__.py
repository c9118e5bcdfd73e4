"""Real sample data, read from wheels at set-up: an operational database and a CSV file."""
