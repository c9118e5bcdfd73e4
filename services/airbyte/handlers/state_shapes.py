"""States of streams in the forms of Airbyte's ConnectionState, and back.

stream   each stream for itself
global   streams that share a log: one shared part, and one for each stream. Of a built-in source
         each stream's part is complete; the shared one is that of the stream furthest behind
legacy   one state for a whole connector

Facts: `ConnectionState` and `GlobalState` in airbytehq/airbyte-platform's `config.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.airbyte.cdk.changes import name_of
from services.airbyte.cdk.shared_states import LEGACY, MEMBER, OWN, PARTITIONS, SHARED, TABLE
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Connection, Json, StreamState

Name = tuple[str, str]

# A state's type, and the field that holds it.
_PARTS = {"stream": "streamState", "global": "globalState", "legacy": "state"}


def shown(known: Sequence[StreamState]) -> Json:
    """Return the state's type and the parts that belong to it."""
    states = [s.state for s in known if s.state is not None]
    if not states:
        return {"stateType": "not_set"}
    if any(LEGACY in state for state in states):
        return {"stateType": "legacy", "state": next(s[LEGACY] for s in states if LEGACY in s)}
    if any(SHARED in state for state in states):
        shared = next(s[SHARED] for s in states if SHARED in s)
        return _global(shared, [(s, (s.state or {}).get(OWN)) for s in known])
    from_log = [state for state in states if _of_log(state)]
    if from_log:
        behind = min(from_log, key=_place)
        shared = {
            name: value for name, value in behind.items() if name not in (TABLE, MEMBER, PARTITIONS)
        }
        return _global(shared, [(s, s.state) for s in known])
    return {"stateType": "stream", "streamState": [_entry(s, s.state) for s in known if s.state]}


def told(connection: Connection, new: Json) -> dict[Name, Json | None]:
    """Return each stream's state from a ConnectionState. Raises InvalidInputError."""
    kind = new.get("stateType")
    if kind == "not_set":
        return {}
    part = _PARTS.get(str(kind))
    if part and new.get(part) is None:
        raise InvalidInputError(
            f"stateType {kind} comes with {part}; to forget the state set stateType not_set",
            [(f"connectionState.{part}", "must not be null")],
        )
    if kind == "stream":
        return {_name(e): e.get("streamState") for e in new.get("streamState") or ()}
    if kind == "global":
        parts = new.get("globalState") or {}
        shared = parts.get("shared_state")
        given = {_name(e): e.get("streamState") for e in parts.get("streamStates") or ()}
        if _of_log(shared or {}):
            return {name: own or shared for name, own in given.items()}
        names = [*given, *(n for n in _incremental(connection) if n not in given)]
        return {name: {SHARED: shared, OWN: given.get(name)} for name in names}
    if kind == "legacy":
        return {name: {LEGACY: new.get("state")} for name in _incremental(connection)}
    raise InvalidInputError(
        f"stateType {kind} cannot be set: use stream, global or legacy (or not_set to forget)",
        [("connectionState.stateType", str(kind))],
    )


def _global(shared: Json | None, parts: Iterable[tuple[StreamState, Json | None]]) -> Json:
    entries = [_entry(stream, own) for stream, own in parts if stream.state is not None]
    return {
        "stateType": "global",
        "globalState": {"shared_state": shared, "streamStates": entries},
    }


def _entry(stream: StreamState, state: Json | None) -> Json:
    descriptor = {"name": stream.name}
    if stream.namespace:
        descriptor["namespace"] = stream.namespace
    entry: Json = {"streamDescriptor": descriptor}
    return entry if state is None else {**entry, "streamState": state}


def _name(entry: Json) -> Name:
    descriptor = entry["streamDescriptor"]
    return descriptor.get("namespace") or "", descriptor["name"]


def _incremental(connection: Connection) -> list[Name]:
    return [
        name_of(entry)
        for entry in connection.catalog.get("streams", [])
        if (entry.get("config") or {}).get("syncMode") == "incremental"
    ]


def _of_log(state: Json) -> bool:
    return state.get("state_type") == "log_based"


def _place(state: Json) -> tuple[str, int]:
    """A state's place in its log: a number of bytes (PostgreSQL), or file and place in it."""
    return str(state.get("file", "")), int(state.get("lsn") or state.get("pos") or 0)
