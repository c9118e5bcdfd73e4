"""What a connection asks of its streams against what they offer.

The public API's rules are those of Airbyte's AirbyteCatalogHelper; its words name the stream and
what could be asked for instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.airbyte.cdk.changes import name_of
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Json

Problem = tuple[str, str]

_MODES = {
    "full_refresh": {"append", "overwrite", "append_dedup", "overwrite_dedup"},
    "incremental": {"append", "append_dedup"},
}


def check_catalog(catalog: Json) -> None:
    """Refuse a syncCatalog that does not fit its streams. Raises InvalidInputError."""
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(catalog.get("streams", [])):
        stream, config = entry.get("stream") or {}, entry.get("config") or {}
        path = f"syncCatalog.streams[{number}]"
        if not stream.get("name"):
            problems.append((f"{path}.stream.name", "must not be null"))
        elif name_of(entry) in seen:
            problems.append((f"{path}.stream.name", f"stream {stream['name']} is named twice"))
        elif config.get("selected", True):
            told = f"stream {stream['name']}: "
            problems += [
                (f"{path}.config{field}", told + text) for field, text in _wrong(stream, config)
            ]
        if stream.get("name"):
            seen.add(name_of(entry))
    if problems:
        raise InvalidInputError("; ".join(text for _, text in problems), problems)


def check_given_key(stream: Json, key: list[list[str]] | None) -> None:
    """Refuse another primary key than the source's own. Raises InvalidInputError."""
    own = stream.get("sourceDefinedPrimaryKey") or []
    if own and key and key != own:
        raise InvalidInputError(
            f"Primary key for stream: {stream['name']} is already pre-defined. Please remove the"
            f" primaryKey or provide the value as {own}."
        )


def _wrong(stream: Json, config: Json) -> Iterator[Problem]:
    mode, target = config.get("syncMode"), config.get("destinationSyncMode")
    if mode not in _MODES or target not in _MODES.get(mode, ()):
        yield "", f"{mode} | {target} is not a sync mode"
    offered = stream.get("supportedSyncModes")
    if offered and mode not in offered:
        yield ".syncMode", f"it supports only {offered}"
    columns = list((stream.get("jsonSchema") or {}).get("properties") or {})
    key = config.get("primaryKey") or stream.get("sourceDefinedPrimaryKey") or []
    cursor = config.get("cursorField") or stream.get("defaultCursorField") or []
    own_cursor = bool(stream.get("sourceDefinedCursor"))
    needed: list[Problem] = []
    if target in ("append_dedup", "overwrite_dedup"):
        if not key:
            yield ".primaryKey", f"{target} needs a primary key, and the source defines none"
        needed += [(".primaryKey", _top(path)) for path in key]
    if mode == "incremental" and not own_cursor:
        if not cursor:
            yield ".cursorField", "incremental needs a cursor field, and the source defines none"
        needed += [(".cursorField", _top(cursor))] if cursor else []
    yield from _unknown(needed, columns)
    if config.get("fieldSelectionEnabled"):
        yield from _selection(config, columns, needed)


def _selection(config: Json, columns: list[str], needed: list[Problem]) -> Iterator[Problem]:
    field = ".selectedFields"
    paths = [chosen.get("fieldPath") or [] for chosen in config.get("selectedFields") or []]
    if not paths:
        yield field, f"no fields are selected; it has: {', '.join(columns)}"
        return
    if any(len(path) != 1 for path in paths):
        yield field, "fields are selected at the top level only, by a path of one name"
        return
    names = [str(path[0]) for path in paths]
    if len(set(names)) < len(names):
        yield field, "a field is selected twice"
    yield from _unknown([(field, name) for name in names], columns)
    for what, name in needed:
        if name not in names:
            yield field, f"{name!r} has to be selected: it is in {what[1:]}"


def _unknown(wanted: list[Problem], columns: list[str]) -> Iterator[Problem]:
    for field, name in wanted:
        if columns and name not in columns:
            yield field, f"it has no field {name!r}; it has: {', '.join(columns)}"


def _top(path: list[str] | str) -> str:
    return path if isinstance(path, str) else str(path[0])
