"""Writing and reading single documents."""
