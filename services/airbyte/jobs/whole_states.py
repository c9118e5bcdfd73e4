"""Streams whose connector keeps one state for all of them (LEGACY), or a part of it (GLOBAL).

Facts: airbytehq/airbyte-platform, `RefreshJobStateUpdater` and `EmptyAirbyteSource`. To refresh
some streams of a GLOBAL state leaves out their parts of it; of a LEGACY one nothing is left, as it
has no parts. To clear some streams of a LEGACY one Airbyte refuses; here the others are read again,
too.

The shared part stands for every stream of a sync, so they are read together, also when only one of
them is refreshed. One that was left out of a sync is behind it: what it missed will not come, and
it has to be read anew when it is selected again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from services.airbyte.cdk.shared_states import LEGACY, SHARED
from services.airbyte.state import streams
from services.airbyte.state.database import Db
from services.airbyte.state.records import StreamState


def is_legacy(state: StreamState) -> bool:
    """Whether it is the state of a whole connector."""
    return LEGACY in (state.state or {})


def known(db: Db, connection_id: UUID) -> list[StreamState]:
    """Return the connection's streams whose state is not their own alone."""
    listed = streams.listing(db, connection_id)
    return [s for s in listed if is_legacy(s) or SHARED in (s.state or {})]


def forget_legacy(db: Db, connection_id: UUID, log: Callable[..., None]) -> None:
    """Forget a state that has no parts, since one of its streams was forgotten."""
    for one in known(db, connection_id):
        if is_legacy(one):
            streams.forget(db, one)
            log(f"{one.name}: its state is forgotten, too: the connector has one for all streams")


def leave_behind(
    db: Db, connection_id: UUID, keys: Collection[str], log: Callable[..., None]
) -> None:
    """Forget the streams that are not among those that are read now."""
    for one in known(db, connection_id):
        if one.key not in keys:
            streams.forget(db, one)
            log(f"{one.name}: not read by this sync, and from the start when it is selected again")
