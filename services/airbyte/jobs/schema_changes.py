"""Looking at the source before a sync, and doing with what has changed as the connection says.

`nonBreakingChangesPreference` (Airbyte's values; ignore where nothing was chosen):

propagate_columns  the columns the source has now are read from this sync on
propagate_fully    so are new streams; streams that are gone are left out
ignore             what was chosen is read; a column that is gone is null
disable            the connection pauses

A breaking change (a cursor or primary key is gone) pauses it whatever the preference. Airbyte
looks before a sync when it has not for 24 hours; here databases, where it costs one query, are
looked at before each sync, and others when the preference is to pause, too.

With `backfillPreference` enabled the streams whose columns were taken over are read from the start
(see `backfill`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from services.airbyte.cdk.catalog import default_config
from services.airbyte.cdk.changes import Change, differences, severity, take_over
from services.airbyte.cdk.failures import ConnectorError, config_error
from services.airbyte.cdk.source import Environment, Source
from services.airbyte.jobs import backfill
from services.airbyte.state import actors, connections, jobs
from services.airbyte.state.database import Db
from services.airbyte.state.records import Actor, Connection, Json

Log = Callable[[str], None]

REFRESH_AFTER = datetime.timedelta(hours=24)
# Airbyte's ConnectionAutoDisabledReason.
BREAKING = "SCHEMA_CHANGES_ARE_BREAKING"
ANY_CHANGE = "DISABLE_CONNECTION_IF_ANY_SCHEMA_CHANGES"
_SHOWN = 5


def preference(connection: Connection) -> str:
    """Return the connection's nonBreakingChangesPreference."""
    return str(connection.options.get("nonBreakingChangesPreference") or "ignore")


def take(
    db: Db,
    connection: Connection,
    actor: Actor,
    source: Source,
    config: Json,
    env: Environment,
    log: Log,
    job_id: int,
    now: datetime.datetime | None = None,
) -> Connection:
    """Return the connection as it is to be synced, with what has changed in the source.

    Raises ConnectorError (config_error) when it has been paused instead.
    """
    chosen = preference(connection)
    known = actors.latest_catalog_and_time(db, actor.id)
    every_time = getattr(source, "quick_discovery", False) or chosen == "disable"
    if known is not None and not every_time:
        now = now or datetime.datetime.now(datetime.UTC)
        if now - known[1] < REFRESH_AFTER:
            return connection
    try:
        streams = [stream.as_json() for stream in source.discover(config, env)]
    except ConnectorError as error:
        # What is wrong with the source the sync will tell by itself, of the stream that it hits.
        log(f"the source could not be asked what has changed: {error}")
        return connection
    offered = {"streams": [{"stream": s, "config": default_config(s)} for s in streams]}
    if known is None or known[0] != offered:
        actors.save_catalog(db, actor, offered)
    with db.transaction():
        # It may have been changed or deleted while the source was asked.
        connection = connections.get(db, connection.id, lock=True)
        taken = _settled(db, connection, offered, log, job_id)
    if isinstance(taken, Exception):
        raise taken
    return taken


def _settled(
    db: Db, connection: Connection, offered: Json, log: Log, job_id: int
) -> Connection | Exception:
    """Take over what has changed; return the connection, or why it is paused now."""
    chosen = preference(connection)
    changes = differences(connection.catalog, offered, streams=chosen == "propagate_fully")
    level = severity(changes)
    if level == "no_change" or connection.status == "deprecated":
        return connection
    for change in changes:
        log(f"the source has changed: {change.words}")
    if level == "breaking":
        return _pause(db, connection, BREAKING, [change for change in changes if change.breaking])
    if chosen == "disable":
        return _pause(db, connection, ANY_CHANGE, changes)
    if not chosen.startswith("propagate"):
        return connection
    catalog = take_over(connection.catalog, offered, fully=chosen == "propagate_fully")
    connection = connections.update(db, connection.id, {"catalog": catalog})
    # In the same transaction: another attempt would see no change and read nothing again.
    if backfill.is_wanted(connection):
        forgotten = backfill.forget(db, connection.id, backfill.keys(catalog, changes))
        for state in forgotten:
            log(f"{state.name}: read from the start, so that old rows get what is new (backfill)")
        jobs.note_backfilled(db, job_id, [state.key for state in forgotten])
    return connection


def _pause(db: Db, connection: Connection, reason: str, changes: Sequence[Change]) -> Exception:
    """Make the connection inactive and return why."""
    what = "; ".join(change.words for change in changes[:_SHOWN])
    if len(changes) > _SHOWN:
        what += f" and {len(changes) - _SHOWN} more"
    options = {
        **connection.options,
        "breakingChange": reason == BREAKING,
        "statusReason": f"{reason}: {what}",
    }
    connections.update(db, connection.id, {"status": "inactive", "options": options})
    todo = "choose another cursor or primary key in" if reason == BREAKING else "take it over into"
    return config_error(
        f"connection {connection.name!r} is paused, its source has changed: {what}. To go on,"
        f" {todo} its syncCatalog (connections/update, or `lakelet apply` after a change of"
        " lakelet.yml) and set its status to active"
    )
