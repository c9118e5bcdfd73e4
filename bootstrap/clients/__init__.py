"""Thin clients of the wire APIs; the same calls go to the vendors' own servers."""
