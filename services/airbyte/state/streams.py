"""How far each stream of a connection has been read, and files in the making."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from services.airbyte.state.database import Db
from services.airbyte.state.records import Json, StreamState

_COLUMNS = "connection_id, namespace, name, state, version, generation, table_name"


def get(db: Db, connection_id: UUID, namespace: str, name: str) -> StreamState:
    """Return a stream's state; a stream never read has state None, version and generation 0."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM stream_states"
        " WHERE connection_id = %s AND namespace = %s AND name = %s",
        (connection_id, namespace, name),
    ).fetchone()
    return StreamState(**row) if row else StreamState(connection_id, namespace, name, None, 0, 0)


def listing(db: Db, connection_id: UUID) -> list[StreamState]:
    """Return the states of a connection's streams that have one."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM stream_states WHERE connection_id = %s ORDER BY namespace, name",
        (connection_id,),
    )
    return [StreamState(**row) for row in rows]


def put(db: Db, state: StreamState) -> None:
    """Store a state whose version is newer than what is there."""
    db.execute(
        f"INSERT INTO stream_states ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (connection_id, namespace, name) DO UPDATE SET state = excluded.state,"
        " version = excluded.version, generation = excluded.generation,"
        " table_name = excluded.table_name, updated_at = now()"
        " WHERE stream_states.version < excluded.version",
        (
            state.connection_id,
            state.namespace,
            state.name,
            None if state.state is None else Jsonb(state.state),
            state.version,
            state.generation,
            state.table_name,
        ),
    )


def forget(db: Db, state: StreamState) -> None:
    """Have a stream read from the start, as another generation of its rows."""
    put(db, state.after(None, state.version + 1, state.generation + 1))


def overwrite(db: Db, connection_id: UUID, namespace: str, name: str, state: Json | None) -> None:
    """Set a state from outside (API): newer than anything a sync has stored, for any table."""
    old = get(db, connection_id, namespace, name)
    put(
        db,
        StreamState(connection_id, namespace, name, state, old.version + 1, old.generation),
    )


def announce_write(db: Db, identity: str, connection_id: UUID, table: str, location: str) -> None:
    """Note that files are about to be written below `location`."""
    db.execute(
        "INSERT INTO pending_writes (id, connection_id, table_name, location)"
        " VALUES (%s, %s, %s, %s)",
        (identity, connection_id, table, location),
    )


def pending_writes(db: Db, connection_id: UUID, table: str) -> list[tuple[str, str]]:
    """Return (id, location) of the writes to `table` whose end was never noted."""
    rows = db.execute(
        "SELECT id, location FROM pending_writes WHERE connection_id = %s AND table_name = %s",
        (connection_id, table),
    )
    return [(row["id"], row["location"]) for row in rows]


def settle_write(db: Db, identity: str) -> None:
    """Forget an announced write: it was committed, or its files are gone."""
    db.execute("DELETE FROM pending_writes WHERE id = %s", (identity,))
