"""Aggregations as SQL: one family a file."""
