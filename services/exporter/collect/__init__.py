"""Collectors: each reads one place and returns metric families; none keeps a connection's state."""
