"""The search DSL as SQL conditions: one query family a file."""
