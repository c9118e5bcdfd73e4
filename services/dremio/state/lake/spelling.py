"""Dremio's names ↔ the storage's: a table bucket takes lower-case letters, digits and `_` only."""

from __future__ import annotations

import re

from services.dremio.state.errors import validation

_PLAIN = re.compile(r"[a-z0-9_]")
_ENCODED = re.compile(r"0x([0-9a-f]{2,6})_")


def encode(name: str) -> str:
    """Return how a name is stored. Dremio compares names without case, so case is dropped."""
    lowered = name.lower()
    if not lowered:
        raise validation("A name cannot be empty")
    stored = "".join(c if _PLAIN.match(c) else _hex(c) for c in lowered)
    if lowered == "main" or not lowered[:1].isalnum():
        # DuckDB takes `main` for its own default schema; the storage wants a letter or digit first.
        stored = _hex(lowered[0]) + stored[1:] if _PLAIN.match(lowered[0]) else stored
    return stored


def decode(stored: str) -> str:
    """Return the name that `encode` (in lower case) or `encode_exact` stored so."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), stored)


def _hex(character: str) -> str:
    return f"0x{ord(character):02x}_"


def encode_exact(name: str) -> str:
    """Return a name that `decode` gives back with its capitals: in plain buckets they count."""
    stored = "".join(c if _PLAIN.match(c) else _hex(c) for c in name)
    if name == "main" or name[:1] == "_":
        stored = _hex(name[0]) + stored[1:]
    return stored
