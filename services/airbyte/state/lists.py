"""The web application's lists: sorted, filtered, page after page.

Facts: airbytehq/airbyte-platform, `config.yaml` (WebBackendConnectionListRequestBody,
ActorListCursorPaginatedRequestBody), `ConnectionServiceJooqImpl`, `ActorServicePaginationHelper`.
A cursor is the id of the last one seen: a page begins after where that one stands in the order now.
Names are compared in lower case, ties are broken by the id. Airbyte compares the time of the last
sync in whole seconds and loses connections of the same second; here the exact time counts.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.airbyte.state.database import Db
from services.airbyte.state.records import Json, Kind
from services.common.errors import NotFoundError

_LAST = (
    " LEFT JOIN LATERAL (SELECT j.created_at, j.status FROM jobs j"
    " WHERE j.connection_id = c.id AND j.config_type = 'sync' ORDER BY j.id DESC LIMIT 1) l ON true"
)
_CONNECTIONS = (
    " FROM connections c JOIN actors s ON s.id = c.source_id"
    f" JOIN actors d ON d.id = c.destination_id{_LAST}"
    " WHERE s.workspace_id = %(workspace)s AND c.status <> 'deprecated'"
)
# One that never ran comes before the first sync.
_LAST_SYNC = "coalesce(l.created_at, '-infinity')"
_CONNECTION_KEYS = {
    "connectionName": "lower(c.name)",
    "sourceName": "lower(s.name)",
    "destinationName": "lower(d.name)",
    "lastSync": _LAST_SYNC,
}
_ACTOR_KEYS = {
    "actorName": "lower(a.name)",
    "actorDefinitionName": "lower(n.name)",
    "lastSync": "coalesce(u.last_sync, '-infinity')",
}
_STATUSES = {
    "healthy": "(c.status = 'active'"
    " AND (l.status IS NULL OR l.status IN ('succeeded', 'pending')))",
    "failed": "l.status IN ('failed', 'cancelled', 'incomplete')",
    "running": "l.status = 'running'",
    # Airbyte's API has this one, its server does not know it.
    "paused": "c.status = 'inactive'",
}
_TAGGED = (
    "EXISTS (SELECT 1 FROM jsonb_array_elements(coalesce(c.options->'tags', '[]')) t"
    " WHERE t->>'tagId' = ANY(%(tag_ids)s))"
)


@dataclass(frozen=True)
class Page:
    """Which part of a list: `size` entries (None: all) after the one with the id `cursor`."""

    sort: str
    descending: bool = False
    cursor: UUID | None = None
    size: int | None = None


@dataclass(frozen=True)
class Filters:
    """What a list is made of; empty: everything."""

    source_ids: tuple[UUID, ...] = ()
    destination_ids: tuple[UUID, ...] = ()
    source_definition_ids: tuple[UUID, ...] = ()
    destination_definition_ids: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    tag_ids: tuple[UUID, ...] = ()
    search: str = ""
    on_demand: bool | None = None


@dataclass(frozen=True)
class Use:
    """How a source or destination is used: `jobs` counts its connections by their last sync."""

    connections: int
    active: bool
    last_sync: datetime.datetime | None
    jobs: Json = field(default_factory=dict)


def connections(db: Db, workspace: UUID, filters: Filters, page: Page) -> tuple[list[UUID], int]:
    """Return a page's connections and how many the filters leave. Raises NotFoundError."""
    tests: list[str] = []
    values: dict[str, Any] = {"workspace": workspace}
    for name, column in (
        ("source_ids", "c.source_id"),
        ("destination_ids", "c.destination_id"),
        ("source_definition_ids", "s.definition_id"),
        ("destination_definition_ids", "d.definition_id"),
    ):
        if wanted := getattr(filters, name):
            tests.append(f"{column} = ANY(%({name})s)")
            values[name] = list(wanted)
    if filters.statuses:
        tests.append(f"({' OR '.join(_STATUSES[name] for name in filters.statuses)})")
    if filters.states:
        tests.append("c.status = ANY(%(states)s)")
        values["states"] = list(filters.states)
    if filters.tag_ids:
        tests.append(_TAGGED)
        values["tag_ids"] = [str(one) for one in filters.tag_ids]
    if filters.search.strip():
        tests.append(_found("c.name", "s.name", "d.name"))
        values["search"] = filters.search
    if filters.on_demand:  # there is no such capacity
        tests.append("false")
    return _page(db, "c.id", _CONNECTIONS, tests, values, _CONNECTION_KEYS[page.sort], page)


def actors(
    db: Db,
    kind: Kind,
    workspace: UUID | None,
    definitions: Mapping[UUID, str],
    filters: Filters,
    page: Page,
) -> tuple[list[UUID], int]:
    """Return a page's sources or destinations and how many the filters leave.

    `definitions` gives their names. Raises NotFoundError.
    """
    used = f"SELECT max(l.created_at) AS last_sync FROM connections c{_LAST}"
    used += f" WHERE c.{kind}_id = a.id AND c.status <> 'deprecated'"
    origin = (
        f" FROM actors a LEFT JOIN LATERAL ({used}) u ON true"
        " LEFT JOIN unnest(%(ids)s::uuid[], %(names)s::text[]) n (id, name)"
        " ON n.id = a.definition_id"
        " WHERE a.kind = %(kind)s AND NOT a.deleted"
        " AND (%(workspace)s::uuid IS NULL OR a.workspace_id = %(workspace)s)"
    )
    values: dict[str, Any] = {
        "kind": kind,
        "workspace": workspace,
        "ids": list(definitions),
        "names": list(definitions.values()),
    }
    tests: list[str] = []
    if len(set(filters.states)) == 1:
        active = f"EXISTS (SELECT 1 FROM connections c WHERE c.{kind}_id = a.id"
        active += " AND c.status = 'active')"
        tests.append(active if filters.states[0] == "active" else f"NOT {active}")
    if filters.search.strip():
        tests.append(_found("a.name", "coalesce(n.name, '')"))
        values["search"] = filters.search
    return _page(db, "a.id", origin, tests, values, _ACTOR_KEYS[page.sort], page)


def uses(db: Db, kind: Kind, ids: list[UUID]) -> dict[UUID, Use]:
    """Return how each of these sources or destinations is used."""
    rows = db.execute(
        f"SELECT c.{kind}_id AS id, c.status = 'active' AS active, l.created_at, l.status"
        f" FROM connections c{_LAST} WHERE c.{kind}_id = ANY(%s) AND c.status <> 'deprecated'",
        (ids,),
    ).fetchall()
    found: dict[UUID, Use] = {}
    for one in ids:
        own = [row for row in rows if row["id"] == one]
        moments = [row["created_at"] for row in own if row["created_at"]]
        counts: Json = {}
        for row in own:
            if row["status"]:
                counts[row["status"]] = counts.get(row["status"], 0) + 1
        active = any(row["active"] for row in own)
        found[one] = Use(len(own), active, max(moments, default=None), counts)
    return found


def _found(*columns: str) -> str:
    """SQL of whether one of the columns holds what is searched for, in any case."""
    found = (f"strpos(lower({column}), lower(%(search)s)) > 0" for column in columns)
    return f"({' OR '.join(found)})"


def _page(
    db: Db,
    identity: str,
    origin: str,
    tests: list[str],
    values: dict[str, Any],
    key: str,
    page: Page,
) -> tuple[list[UUID], int]:
    where = "".join(f" AND {test}" for test in tests)
    counted = db.execute(f"SELECT count(*) AS n{origin}{where}", values).fetchone()
    if page.cursor is not None:
        values["cursor"] = page.cursor
        begin = f"SELECT {key}{origin} AND {identity} = %(cursor)s"
        if db.execute(f"SELECT 1 FROM ({begin}) last", values).fetchone() is None:
            raise NotFoundError(f"the cursor {page.cursor} is none of the list's")
        where += f" AND ({key}, {identity}) {'<' if page.descending else '>'}"
        where += f" (({begin}), %(cursor)s)"
    way = "DESC" if page.descending else "ASC"
    rows = db.execute(
        f"SELECT {identity} AS id{origin}{where} ORDER BY {key} {way}, {identity} {way}"
        " LIMIT %(size)s",
        {**values, "size": page.size},
    )
    return [row["id"] for row in rows], int(counted["n"]) if counted else 0
