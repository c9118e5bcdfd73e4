"""PostgreSQL read through its log: what arrives in the table, whatever happens in the source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.airbyte.client import Airbyte, rows

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}


class Cdc:
    """A schema of the shop with a publication, and a connection to it."""

    def __init__(self, airbyte: Airbyte, name: str, ddl: str, **method: Any) -> None:
        self.airbyte, self.name = airbyte, name
        self.db = airbyte.shop()
        self.db.execute(f"CREATE SCHEMA {name}; SET search_path = {name}")
        self.db.execute(ddl)  # type: ignore[arg-type]
        tables = self.db.execute(
            "SELECT string_agg(format('%%I', tablename), ', ') FROM pg_tables"
            " WHERE schemaname = %s",
            [name],
        ).fetchone()[0]
        self.db.execute(f"CREATE PUBLICATION {name} FOR TABLE {tables}")
        self.method = {
            "method": "CDC",
            "replication_slot": name,
            "publication": name,
            **method,
        }

    def config(self, **changes: Any) -> dict[str, Any]:
        method = {**self.method, **changes}
        return self.airbyte.postgres_config(schemas=[self.name], replication_method=method)

    def connect(self, streams: dict[str, dict[str, Any]], **fields: Any) -> str:
        self.source = self.airbyte.source(self.config(), name=self.name)
        return self.airbyte.connect(self.source, self.name, streams, **fields)

    def rows(self, query: str) -> list[Any]:
        return rows(self.airbyte.settings, query)

    def table(self, name: str, columns: str) -> list[Any]:
        return self.rows(f"SELECT {columns} FROM bronze.{self.name}.{name} ORDER BY 1")

    def close(self) -> None:
        """Drop the slot, so that other tests find room and no log is kept."""
        self.db.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s AND NOT active",
            [self.name],
        )
        self.db.close()


@pytest.fixture
def make(airbyte: Airbyte, request: pytest.FixtureRequest) -> Iterator[Any]:
    made: list[Cdc] = []

    def build(name: str, ddl: str, **method: Any) -> Cdc:
        made.append(Cdc(airbyte, name, ddl, **method))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_changes_after_the_snapshot_are_applied(make: Any) -> None:
    cdc = make("cdc_basic", "CREATE TABLE t (id int PRIMARY KEY, v text, n numeric(10, 2))")
    cdc.db.execute("INSERT INTO t SELECT i, 'v' || i, i / 4.0 FROM generate_series(1, 1000) i")
    connection = cdc.connect({"t": DEDUP})
    first = cdc.airbyte.sync(connection)
    assert first["job"]["aggregatedStats"]["recordsCommitted"] == 1000
    cdc.db.execute("UPDATE t SET v = 'changed' WHERE id <= 10")
    cdc.db.execute("DELETE FROM t WHERE id BETWEEN 11 AND 20")
    cdc.db.execute("INSERT INTO t VALUES (1001, 'new', 1.5)")
    cdc.db.execute("UPDATE t SET id = -5 WHERE id = 500")
    second = cdc.airbyte.sync(connection)
    assert second["job"]["aggregatedStats"]["recordsCommitted"] == 10 + 10 + 1 + 2
    assert cdc.table("t", "id, v, n") == cdc.db.execute("SELECT * FROM t ORDER BY 1").fetchall()
    assert cdc.rows("SELECT count(*) FROM bronze.cdc_basic.t WHERE _ab_cdc_deleted_at NOTNULL") == [
        (0,)
    ]
    third = cdc.airbyte.sync(connection)
    assert third["job"]["aggregatedStats"]["recordsCommitted"] == 0


def test_append_keeps_every_change(make: Any) -> None:
    cdc = make("cdc_append", "CREATE TABLE t (id int PRIMARY KEY, v text)")
    cdc.db.execute("INSERT INTO t VALUES (1, 'a')")
    connection = cdc.connect({"t": APPEND})
    cdc.airbyte.sync(connection)
    with cdc.db.transaction():
        cdc.db.execute("INSERT INTO t VALUES (2, 'b')")
        cdc.db.execute("UPDATE t SET v = 'B' WHERE id = 2")
    cdc.db.execute("DELETE FROM t WHERE id = 1")
    cdc.airbyte.sync(connection)
    got = cdc.rows(
        "SELECT id, v, _ab_cdc_deleted_at IS NOT NULL FROM bronze.cdc_append.t ORDER BY _ab_cdc_lsn"
    )
    assert got == [(1, "a", False), (2, "b", False), (2, "B", False), (1, None, True)]
    (stamps,) = cdc.rows(
        "SELECT count(DISTINCT _ab_cdc_updated_at), bool_and(_ab_cdc_updated_at::TIMESTAMPTZ"
        " BETWEEN now() - INTERVAL 5 MINUTE AND now()) FROM bronze.cdc_append.t"
    )
    assert stamps == (3, True)
