"""Jobs: every statement is one; its history is kept in PostgreSQL, its rows in a file."""
