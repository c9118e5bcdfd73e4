"""Which stream of a source a name in lakelet.yml means: its own name, or `schema.name`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from services.common.errors import ConfigError, NotFoundError

_SHOWN = 30


def find_stream(entries: Sequence[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    """Return the entry of a syncCatalog that is called `wanted`; None where none is.

    Raises ConfigError when several schemas have a stream of that name.
    """
    exact = [entry for entry in entries if qualified(entry) == wanted]
    found = exact or [entry for entry in entries if entry["stream"]["name"] == wanted]
    if len(found) > 1:
        names = " or ".join(map(qualified, found))
        raise ConfigError(f"several schemas have a stream {wanted!r}: write {names}")
    return found[0] if found else None


def need_stream(entries: Sequence[dict[str, Any]], wanted: str, where: str) -> dict[str, Any]:
    """Return the entry that is called `wanted`.

    `where` stands in the error. Raises NotFoundError with the nearest names first, ConfigError.
    """
    try:
        found = find_stream(entries, wanted)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if found is None:
        names = sorted({entry["stream"]["name"] for entry in entries})
        by_letters = {name.casefold(): name for name in names}
        near = difflib.get_close_matches(wanted.casefold(), by_letters, n=3)
        meant = " or ".join(by_letters[name] for name in near)
        listing = ", ".join(names[:_SHOWN]) or "none"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise NotFoundError(
            f"{where} has no stream {wanted!r}; "
            + (f"did you mean {meant}? It has: " if meant else "it has: ")
            + f"{listing}{more}"
        )
    return found


def qualified(entry: dict[str, Any]) -> str:
    """Return a stream's name with its schema, where it has one."""
    stream = entry["stream"]
    return ".".join(filter(None, (stream.get("namespace"), stream["name"])))
