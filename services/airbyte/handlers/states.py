"""Setting a connection's state from outside."""

from __future__ import annotations

from uuid import UUID

from services.airbyte.handlers.connections import state
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.errors import SyncRunningError
from services.airbyte.handlers.state_shapes import told
from services.airbyte.state import connections, jobs, streams
from services.airbyte.state.records import ACTIVE, Json


def create_or_update(ctx: Context, identity: UUID, new: Json, *, safe: bool = True) -> Json:
    """Replace the whole state. Raises SyncRunningError while a job of the connection runs."""
    with ctx.db.connection() as db, db.transaction():
        wanted = told(connections.get(db, identity), new)
        running, _ = jobs.find(db, connection_ids=[identity], statuses=ACTIVE)
        if running and safe:
            raise SyncRunningError(
                "State cannot be updated while a sync is running for this connection."
            )
        for known in streams.listing(db, identity):
            wanted.setdefault((known.namespace, known.name), None)
        for (namespace, name), value in wanted.items():
            streams.overwrite(db, identity, namespace, name, value)
    return state(ctx, identity)
