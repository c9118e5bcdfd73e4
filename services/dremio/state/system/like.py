"""LIKE patterns of SHOW statements: `%` and `_`, without regard to case."""

from __future__ import annotations

import re


def matches(name: str, pattern: str | None) -> bool:
    """Whether a name is like the pattern; everything is when there is none."""
    if pattern is None:
        return True
    expression = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, name, re.IGNORECASE | re.DOTALL) is not None
