"""Reflections: stored answers that queries are moved onto only where the answer stays the same."""
