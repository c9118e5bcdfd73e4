"""Names and texts as T-SQL writes them."""

from __future__ import annotations


def identifier(name: str) -> str:
    """Return `name` as a delimited identifier."""
    return "[" + name.replace("]", "]]") + "]"


def text(value: str) -> str:
    """Return `value` as a Unicode literal."""
    return "N'" + value.replace("'", "''") + "'"
