"""The web application's lists: every order, filter and page of fifty objects, against Python's."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.contract.airbyte.client import FILE, LAKE, MONGODB, POSTGRES, Airbyte, Json

COUNT = 50
NAMES = {POSTGRES: "postgres", FILE: "file (csv, json, excel, feather, parquet)", LAKE: "s3"}
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
FAR = datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)
STATUSES = ["succeeded", "failed", "running", "pending", "cancelled", "incomplete", None]


@dataclass
class Actor:
    id: UUID
    kind: str
    definition: str
    name: str
    used: list[Connection] = field(default_factory=list)

    @property
    def last(self) -> datetime.datetime:
        return max((c.last for c in self.used), default=datetime.datetime.min)


@dataclass
class Connection:
    id: UUID
    name: str
    source: Actor
    destination: Actor
    status: str
    tag: str | None
    job: str | None
    ran: datetime.datetime | None

    @property
    def last(self) -> datetime.datetime:
        return self.ran.replace(tzinfo=None) if self.ran else datetime.datetime.min


@dataclass
class World:
    """A workspace of its own with fifty connections between 25 sources and 25 destinations."""

    airbyte: Airbyte
    workspace: str
    sources: list[Actor]
    destinations: list[Actor]
    connections: list[Connection]
    tags: list[str]

    def pages(self, path: str, of: str, size: int, **body: Any) -> list[str]:
        """All ids of a list, page after page."""
        found: list[str] = []
        while True:
            more = {"cursor": found[-1]} if found else {}
            asked = {"workspaceId": self.workspace, "pageSize": size, **body, **more}
            answer = self.airbyte.post(path, **asked)
            page = [one[f"{of}Id"] for one in answer[f"{of}s"]]
            assert len(page) <= size
            found += page
            if len(page) < size:
                total = answer.get("numConnections", answer.get("num_connections"))
                assert total == len(found)
                return found


def name(rng: random.Random) -> str:
    """Few different ones, so that ties are frequent; in both cases."""
    word = f"n{rng.randint(10, 22)}"
    return word.upper() if rng.random() < 0.5 else word


def fill(db: Any, world: World) -> None:
    actors = [*world.sources, *world.destinations]
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO actors (id, kind, workspace_id, definition_id, name, configuration)"
            " VALUES (%s, %s, %s, %s, %s, '{}')",
            [(a.id, a.kind, world.workspace, a.definition, a.name) for a in actors],
        )
        cursor.executemany(
            "INSERT INTO connections (id, name, source_id, destination_id, namespace_definition,"
            " catalog, schedule_type, status, options)"
            " VALUES (%s, %s, %s, %s, 'source', '{\"streams\": []}', 'manual', %s, %s)",
            [
                (
                    c.id,
                    c.name,
                    c.source.id,
                    c.destination.id,
                    c.status,
                    Jsonb({"tags": [{"tagId": c.tag}]} if c.tag else {}),
                )
                for c in world.connections
            ],
        )
        # An older job of another kind and time must not count.
        cursor.executemany(
            "INSERT INTO jobs (connection_id, config_type, status, created_at, next_attempt_at)"
            " VALUES (%s, %s, %s, %s, now() + interval '50 minutes')",  # none is to run
            [
                job
                for c in world.connections
                for job in (
                    (c.id, "sync", "succeeded", START),
                    (c.id, "sync", c.job, c.ran),
                    (c.id, "clear", "failed", FAR),
                )
                if c.job
            ],
        )


@pytest.fixture(scope="module")
def world(airbyte: Airbyte) -> Iterator[World]:
    rng = random.Random(7)  # noqa: S311
    workspace = airbyte.post("workspaces/create", name="lists")["workspaceId"]
    tags = [
        airbyte.post("tags/create", workspaceId=workspace, name=f"t{n}", color="000000")["tagId"]
        for n in range(3)
    ]
    sources = [
        Actor(uuid4(), "source", rng.choice([POSTGRES, FILE]), name(rng)) for _ in range(COUNT // 2)
    ]
    destinations = [Actor(uuid4(), "destination", LAKE, name(rng)) for _ in range(COUNT // 2)]
    connections = []
    for number in range(COUNT):
        job = rng.choice(STATUSES)
        one = Connection(
            uuid4(),
            name(rng),
            rng.choice(sources[:-3]),  # some are used by none
            rng.choice(destinations[:-3]),
            rng.choice(["active", "active", "inactive"]),
            rng.choice([*tags, None]),
            job,
            # Some at the same moment, some within the same second.
            START + datetime.timedelta(seconds=rng.randint(1, 9), milliseconds=rng.choice([0, 5]))
            if job
            else None,
        )
        one.source.used.append(one)
        one.destination.used.append(one)
        connections.append(one)
        assert number < COUNT
    found = World(airbyte, workspace, sources, destinations, connections, tags)
    with airbyte.own_database() as db:
        fill(db, found)
    yield found
    airbyte.post("workspaces/delete", workspaceId=workspace)


CONNECTION_KEYS: dict[str, Callable[[Connection], Any]] = {
    "connectionName": lambda c: c.name.lower(),
    "sourceName": lambda c: c.source.name.lower(),
    "destinationName": lambda c: c.destination.name.lower(),
    "lastSync": lambda c: c.last,
}
ACTOR_KEYS: dict[str, Callable[[Actor], Any]] = {
    "actorName": lambda a: a.name.lower(),
    "actorDefinitionName": lambda a: NAMES[a.definition],
    "lastSync": lambda a: a.last,
}


def ordered(items: list[Any], key: Callable[[Any], Any], way: str) -> list[str]:
    found = sorted(items, key=lambda item: (key(item), item.id), reverse=way == "desc")
    return [str(item.id) for item in found]


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("key", CONNECTION_KEYS)
def test_connections_in_every_order(world: World, key: str, way: str) -> None:
    wanted = ordered(world.connections, CONNECTION_KEYS[key], way)
    path = "web_backend/connections/list"
    assert world.pages(path, "connection", 7, sortKey=f"{key}_{way}") == wanted


@pytest.mark.parametrize("way", ["asc", "desc"])
@pytest.mark.parametrize("key", ACTOR_KEYS)
def test_sources_and_destinations_in_every_order(world: World, key: str, way: str) -> None:
    for kind, items in (("source", world.sources), ("destination", world.destinations)):
        wanted = ordered(items, ACTOR_KEYS[key], way)
        assert world.pages(f"{kind}s/list", kind, 4, sortKey=f"{key}_{way}") == wanted


def test_connections_by_every_filter(world: World) -> None:
    one = world.connections[0]
    cases: list[tuple[Json, Callable[[Connection], bool]]] = [
        ({"searchTerm": "N1"}, lambda c: "n1" in text(c)),
        ({"searchTerm": "_1"}, lambda c: False),
        ({"searchTerm": " "}, lambda c: True),
        ({"states": ["inactive"]}, lambda c: c.status == "inactive"),
        ({"states": ["inactive", "active"]}, lambda c: True),
        (
            {"statuses": ["healthy"]},
            lambda c: c.status == "active" and c.job in (None, "succeeded", "pending"),
        ),
        ({"statuses": ["failed"]}, lambda c: c.job in ("failed", "cancelled", "incomplete")),
        (
            {"statuses": ["running", "paused"]},
            lambda c: c.job == "running" or c.status == "inactive",
        ),
        ({"tagIds": world.tags[:2]}, lambda c: c.tag in world.tags[:2]),
        ({"sourceDefinitionIds": [FILE]}, lambda c: c.source.definition == FILE),
        ({"destinationDefinitionIds": [MONGODB]}, lambda c: False),
        ({"destinationDefinitionIds": [LAKE]}, lambda c: True),
        ({"onDemandEnabled": True}, lambda c: False),
        ({"onDemandEnabled": False}, lambda c: True),
        (
            {"states": ["active"], "tagIds": [world.tags[0]], "statuses": ["healthy", "failed"]},
            lambda c: c.status == "active" and c.tag == world.tags[0] and c.job != "running",
        ),
    ]

    def text(c: Connection) -> str:
        return f"{c.name} {c.source.name} {c.destination.name}".lower()

    for filters, keep in cases:
        wanted = ordered([c for c in world.connections if keep(c)], CONNECTION_KEYS["lastSync"], "")
        body = {"filters": filters, "sortKey": "lastSync_asc"}
        assert world.pages("web_backend/connections/list", "connection", 15, **body) == wanted, body
    wanted = ordered(
        [c for c in world.connections if c.source is one.source], CONNECTION_KEYS["lastSync"], ""
    )
    body = {"sourceId": [str(one.source.id)], "sortKey": "lastSync_asc"}
    assert world.pages("web_backend/connections/list", "connection", 15, **body) == wanted


def test_sources_by_every_filter_and_how_they_are_used(world: World) -> None:
    cases: list[tuple[Json, Callable[[Actor], bool]]] = [
        ({"searchTerm": "n1"}, lambda a: "n1" in a.name.lower()),
        ({"searchTerm": "POSTGRES"}, lambda a: a.definition == POSTGRES),
        ({"states": ["active"]}, lambda a: any(c.status == "active" for c in a.used)),
        ({"states": ["inactive"]}, lambda a: all(c.status != "active" for c in a.used)),
        ({"states": ["inactive", "active"]}, lambda a: True),
    ]
    for filters, keep in cases:
        wanted = ordered([a for a in world.sources if keep(a)], ACTOR_KEYS["actorName"], "")
        assert world.pages("sources/list", "source", 9, filters=filters) == wanted, filters
    listed = world.airbyte.post("sources/list", workspaceId=world.workspace, pageSize=COUNT)
    by_id = {one["sourceId"]: one for one in listed["sources"]}
    for actor in world.sources:
        shown = by_id[str(actor.id)]
        ran = [c.ran for c in actor.used if c.ran]
        assert shown["numConnections"] == len(actor.used)
        assert shown.get("lastSync") == (int(max(ran).timestamp()) if ran else None)
        assert sum(shown["connectionJobStatuses"].values()) == len(ran)


def test_pages_unless_nothing_of_it_is_named(world: World) -> None:
    def size(**body: Any) -> int:
        asked = {"workspaceId": world.workspace, **body}
        answer = world.airbyte.post("web_backend/connections/list", **asked)
        assert answer["numConnections"] == COUNT
        return len(answer["connections"])

    assert size() == COUNT
    assert size(sortKey="connectionName_asc") == size(filters={}) == 20
    unknown = {"workspaceId": world.workspace, "cursor": str(uuid4())}
    assert world.airbyte.raw("web_backend/connections/list", **unknown).status_code == 404
    wrong = {"workspaceId": world.workspace, "sortKey": "name_asc"}
    assert world.airbyte.raw("sources/list", **wrong).status_code == 422
