"""What a changed source does to a connection, by its policy; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from pyiceberg.types import IntegerType

from services.airbyte.cdk.catalog import Stream
from services.airbyte.cdk.columns import Column
from services.airbyte.jobs import schema_changes
from services.airbyte.state import actors, connections, database
from services.airbyte.state.records import Connection
from tests.contract.airbyte.client import Airbyte, Json, rows

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["at"]}


@pytest.fixture
def schema(airbyte: Airbyte, request: pytest.FixtureRequest) -> str:
    """A schema of its own with one table, `orders`."""
    name = request.node.originalname.removeprefix("test_")[:40]
    with airbyte.shop() as db:
        db.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        db.execute(f"CREATE SCHEMA {name}")
        db.execute(
            f"CREATE TABLE {name}.orders (id int PRIMARY KEY, note text, price numeric(8, 2),"
            " at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        db.execute(f"INSERT INTO {name}.orders (id, note, price) VALUES (1, 'a', 1), (2, 'b', 2)")
    return name


def connect(airbyte: Airbyte, schema: str, policy: str) -> tuple[str, str]:
    source = airbyte.source(airbyte.postgres_config(schemas=[schema]))
    options = {"nonBreakingChangesPreference": policy}
    return source, airbyte.connect(source, schema, {"orders": APPEND}, **options)


def columns(airbyte: Airbyte, schema: str) -> dict[str, str]:
    found = rows(airbyte.settings, f"DESCRIBE bronze.{schema}.orders")
    return {row[0]: row[1] for row in found if not row[0].startswith("_airbyte")}


def chosen(airbyte: Airbyte, connection: str) -> dict[str, set[str]]:
    catalog = airbyte.post("connections/get", connectionId=connection)["syncCatalog"]
    return {
        entry["stream"]["name"]: set(entry["stream"]["jsonSchema"]["properties"])
        for entry in catalog["streams"]
    }


def change(airbyte: Airbyte, schema: str) -> None:
    """A new column, two widened ones, a dropped one, a new table; and a row that has it all."""
    with airbyte.shop() as db:
        db.execute(
            f"ALTER TABLE {schema}.orders ADD tip int, DROP note, ALTER id TYPE bigint,"
            " ALTER price TYPE numeric(14, 2)"
        )
        db.execute(f"CREATE TABLE {schema}.returns AS SELECT 7 AS id")
        db.execute(f"INSERT INTO {schema}.orders VALUES (5000000000, 123456789012.34, now(), 9)")


def test_columns_are_propagated(airbyte: Airbyte, schema: str) -> None:
    _, connection = connect(airbyte, schema, "propagate_columns")
    airbyte.sync(connection)
    change(airbyte, schema)
    info = airbyte.sync(connection)
    logged = "\n".join(info["attempts"][0]["logs"]["logLines"])
    assert "column tip is new" in logged
    assert "column note is gone" in logged
    assert chosen(airbyte, connection) == {"orders": {"id", "price", "at", "tip"}}
    assert columns(airbyte, schema)["id"] == "BIGINT"
    query = f"SELECT id, note, price::VARCHAR, tip FROM bronze.{schema}.orders ORDER BY id"
    found = rows(airbyte.settings, query)
    assert found[-1] == (5_000_000_000, None, "123456789012.34", 9)
    # The rewritten table is read again: no row lost; its old rows keep what they had.
    assert {row[0] for row in found} == {1, 2, 5_000_000_000}
    assert {row[1] for row in found} == {"a", "b", None}


def test_new_tables_are_propagated_too(airbyte: Airbyte, schema: str) -> None:
    _, connection = connect(airbyte, schema, "propagate_fully")
    airbyte.sync(connection)
    change(airbyte, schema)
    airbyte.sync(connection)
    assert set(chosen(airbyte, connection)) == {"orders", "returns"}
    assert rows(airbyte.settings, f"SELECT id FROM bronze.{schema}.returns") == [(7,)]
    with airbyte.shop() as db:
        db.execute(f"DROP TABLE {schema}.returns")
    airbyte.sync(connection)
    assert set(chosen(airbyte, connection)) == {"orders"}
    assert rows(airbyte.settings, f"SELECT id FROM bronze.{schema}.returns") == [(7,)]


def test_changes_are_ignored(airbyte: Airbyte, schema: str) -> None:
    _, connection = connect(airbyte, schema, "ignore")
    airbyte.sync(connection)
    before = chosen(airbyte, connection)
    change(airbyte, schema)
    airbyte.sync(connection)
    assert chosen(airbyte, connection) == before
    assert "tip" not in columns(airbyte, schema)
    query = f"SELECT note FROM bronze.{schema}.orders WHERE id = 5000000000"
    assert rows(airbyte.settings, query) == [(None,)]


def test_any_change_pauses(airbyte: Airbyte, schema: str) -> None:
    source, connection = connect(airbyte, schema, "disable")
    airbyte.sync(connection)
    with airbyte.shop() as db:
        db.execute(f"ALTER TABLE {schema}.orders ADD tip int")
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "is paused" in failure["externalMessage"]
    assert "column tip is new" in failure["externalMessage"]
    paused = airbyte.post("connections/get", connectionId=connection)
    assert (paused["status"], paused["breakingChange"]) == ("inactive", False)
    assert paused["statusReason"].startswith("DISABLE_CONNECTION_IF_ANY_SCHEMA_CHANGES")
    assert airbyte.raw("connections/sync", connectionId=connection).status_code == 409
    # Taken over by the user, it goes on.
    catalog = paused["syncCatalog"]
    [entry] = [e for e in airbyte.catalog(source) if e["stream"]["name"] == "orders"]
    catalog["streams"][0]["stream"] = entry["stream"]
    updated = airbyte.post(
        "connections/update", connectionId=connection, syncCatalog=catalog, status="active"
    )
    assert "statusReason" not in updated
    airbyte.sync(connection)
    assert "tip" in columns(airbyte, schema)


def test_a_lost_cursor_pauses_whatever_the_policy(airbyte: Airbyte, schema: str) -> None:
    source, connection = connect(airbyte, schema, "propagate_fully")
    airbyte.sync(connection)
    with airbyte.shop() as db:
        db.execute(f"ALTER TABLE {schema}.orders RENAME at TO changed_at")
    failure = airbyte.failure(connection)
    assert "column at (its cursor or primary key) is gone" in failure["externalMessage"]
    paused = airbyte.post("connections/get", connectionId=connection)
    assert (paused["status"], paused["breakingChange"]) == ("inactive", True)
    seen = airbyte.post("sources/discover_schema", sourceId=source, connectionId=connection)
    assert seen["breakingChange"] is True
    assert seen["catalogDiff"]["transforms"]
    catalog = {"streams": airbyte.catalog(source)}
    catalog["streams"][0]["config"] |= {**APPEND, "cursorField": ["changed_at"]}
    airbyte.post(
        "connections/update", connectionId=connection, syncCatalog=catalog, status="active"
    )
    airbyte.sync(connection)
    assert "changed_at" in columns(airbyte, schema)


@pytest.mark.parametrize(
    ("method", "backfill"),
    [("Standard", "enabled"), ("Xmin", "enabled"), ("Standard", "disabled")],
)
def test_old_rows_get_a_new_column(airbyte: Airbyte, method: str, backfill: str) -> None:
    """What the column holds in rows that the cursor has passed; append has them once more."""
    name = f"backfill_{method}_{backfill}".lower()
    with airbyte.shop() as db:
        db.execute(
            f"CREATE SCHEMA {name};"
            f" CREATE TABLE {name}.a (id int PRIMARY KEY, at int DEFAULT 1);"
            f" CREATE TABLE {name}.b (LIKE {name}.a INCLUDING ALL);"
            f" CREATE TABLE {name}.c (LIKE {name}.a INCLUDING ALL)"
        )
        for table in "abc":
            db.execute(f"INSERT INTO {name}.{table} SELECT generate_series(1, 3)")
    config = airbyte.postgres_config(schemas=[name], replication_method={"method": method})
    mode = {"syncMode": "incremental", "cursorField": ["at"] if method == "Standard" else []}
    streams = {
        "a": mode | {"destinationSyncMode": "append_dedup"},
        "b": mode | {"destinationSyncMode": "append"},
        "c": mode | {"destinationSyncMode": "append_dedup"},
    }
    options = {
        "nonBreakingChangesPreference": "propagate_columns",
        "backfillPreference": backfill,
    }
    connection = airbyte.connect(airbyte.source(config), name, streams, **options)
    airbyte.sync(connection)
    with airbyte.shop() as db:
        for table in "ab":  # with a default no row is written: xmin and cursor stay
            db.execute(f"ALTER TABLE {name}.{table} ADD tip int DEFAULT 7")
            db.execute(f"INSERT INTO {name}.{table} VALUES (4, 2, 8)")
    counts = {
        stats["streamName"]: stats["stats"]["recordsCommitted"]
        for stats in airbyte.sync(connection)["attempts"][0]["attempt"]["streamStats"]
    }
    assert counts.get("c", 0) == 0, "what has not changed is not read again"
    found = {
        table: rows(
            airbyte.settings,
            f"SELECT id, tip FROM bronze.{name}.{table} ORDER BY id, tip NULLS FIRST",
        )
        for table in "ab"
    }
    old: list[tuple[int, int | None]] = [(1, None), (2, None), (3, None)]
    new = [(1, 7), (2, 7), (3, 7)]
    if backfill == "enabled":
        assert found["a"] == [*new, (4, 8)]
        assert found["b"] == sorted([*old, *new, (4, 8)], key=lambda row: (row[0], row[1] or 0))
        newest = f"SELECT id, tip FROM bronze.{name}.b WHERE _airbyte_generation_id = 1 ORDER BY 1"
        assert rows(airbyte.settings, newest) == [*new, (4, 8)]
    else:
        assert found == {"a": [*old, (4, 8)], "b": [*old, (4, 8)]}
        return
    # It was done once: the next sync reads what is new again.
    with airbyte.shop() as db:
        db.execute(f"INSERT INTO {name}.a VALUES (5, 3, 9)")
    info = airbyte.sync(connection)
    assert info["attempts"][0]["attempt"]["recordsSynced"] == 1
    assert rows(airbyte.settings, f"SELECT count(*) FROM bronze.{name}.a") == [(5,)]


class Slow:
    """A source that is asked for its streams, and `meanwhile` happens."""

    quick_discovery = True

    def __init__(self, namespace: str, meanwhile: Callable[[], object]) -> None:
        self.namespace, self.meanwhile = namespace, meanwhile

    def discover(self, config: Json, env: object) -> list[Stream]:
        self.meanwhile()
        columns = (Column("id", IntegerType()), Column("tip", IntegerType()))
        return [Stream("orders", columns, self.namespace)]


def take(airbyte: Airbyte, connection: str, source: Any) -> Connection:
    none: Any = None
    with database.connect(airbyte.settings.postgres_dsn("airbyte")) as db:
        found = connections.get(db, UUID(connection))
        actor = actors.get(db, "source", found.source_id)
        return schema_changes.take(db, found, actor, source, {}, none, lambda _: None, 0)


def test_what_is_set_while_the_source_is_asked_stays(airbyte: Airbyte, schema: str) -> None:
    _, connection = connect(airbyte, schema, "propagate_columns")
    shown = airbyte.post("connections/get", connectionId=connection)["syncCatalog"]
    shown["streams"][0]["config"] |= {"destinationSyncMode": "append_dedup", "cursorField": ["id"]}

    def change() -> object:
        return airbyte.post("connections/update", connectionId=connection, syncCatalog=shown)

    taken = take(airbyte, connection, Slow(schema, change))
    (entry,) = taken.catalog["streams"]
    assert entry["config"]["destinationSyncMode"] == "append_dedup"
    assert set(entry["stream"]["jsonSchema"]["properties"]) == {"id", "tip"}
    assert chosen(airbyte, connection) == {"orders": {"id", "tip"}}


def test_what_is_deleted_while_the_source_is_asked_stays_so(airbyte: Airbyte, schema: str) -> None:
    _, connection = connect(airbyte, schema, "disable")
    source = Slow(schema, lambda: airbyte.post("connections/delete", connectionId=connection))
    assert take(airbyte, connection, source).status == "deprecated"
    shown = airbyte.post("connections/get", connectionId=connection)
    assert shown["status"] == "deprecated"
