"""Reading streams from the start whose columns have changed: `backfillPreference: enabled`.

Facts: airbytehq/airbyte-platform, `BackfillHelper` and `ReplicationInputHydrator`. When a sync has
taken over a source's new or otherwise typed columns (only `propagate_columns` and `propagate_fully`
do), the states of the incremental streams that have them are forgotten before it reads: once, so
that another attempt goes on with what this one has read. Airbyte knows no part of a GLOBAL or
LEGACY state and reads all streams again; here a log's other streams go on, and only those of a
LEGACY state come along. A stream whose changed columns were not selected is left alone.

Rows stay where they are: `append_dedup` brings them up to date by their key (a snapshot of a log
takes their place in one commit), `append` gets them once more, with a new generation id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.changes import Change
from services.airbyte.jobs.whole_states import is_legacy
from services.airbyte.state import streams
from services.airbyte.state.database import Db
from services.airbyte.state.records import Connection, Json, StreamState

_KINDS = frozenset({"add_field", "update_field_schema"})


def is_wanted(connection: Connection) -> bool:
    """Whether the connection's old rows are to have a new column's values."""
    return connection.options.get("backfillPreference") == "enabled"


def keys(catalog: Json, changes: Iterable[Change]) -> set[str]:
    """Return the keys of the streams that are to be read again after `changes` were taken over."""
    changed: dict[str, set[str | None]] = {}
    for change in changes:
        if change.kind in _KINDS:
            changed.setdefault("\x1f".join(change.stream), set()).add(change.field)
    return {
        stream.key
        for stream in configured_streams(catalog)
        if stream.incremental
        and stream.key in changed
        and (stream.selected_columns is None or changed[stream.key] & {*stream.selected_columns})
    }


def forget(db: Db, connection_id: UUID, wanted: set[str]) -> Sequence[StreamState]:
    """Forget how far these streams were read; return the states of all that are forgotten."""
    known = [s for s in streams.listing(db, connection_id) if s.state is not None]
    chosen = [s for s in known if s.key in wanted]
    if any(map(is_legacy, chosen)):
        chosen = [s for s in known if is_legacy(s) or s in chosen]
    for state in chosen:
        streams.forget(db, state)
    return chosen
