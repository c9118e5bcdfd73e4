"""PostgreSQL read through its log: what arrives in the table, whatever happens in the source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.common.waiting import wait_until
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

        def dropped() -> bool:  # not while the server still holds it for a worker that has ended
            slot = "FROM pg_replication_slots WHERE slot_name = %s"
            drop = f"SELECT pg_drop_replication_slot(slot_name) {slot} AND NOT active"
            self.db.execute(drop.encode(), [self.name])
            return not self.db.execute(f"SELECT 1 {slot}".encode(), [self.name]).fetchall()

        wait_until(dropped, seconds=60, what=f"the end of slot {self.name}")
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


TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE t (
    id int PRIMARY KEY, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric(20, 5),
    free numeric, txt text, vc varchar(20), ch char(5), j json, jb jsonb, u uuid, by bytea,
    d date, ti time, ts timestamp, tz timestamptz, ttz timetz, iv interval, e mood, dom positive,
    ai int[], at text[], an numeric[], ae mood[], ats timestamptz[], aa int[][], r int4range,
    inet inet, m money, p point, bits bit(3), ab bytea[], ach char(4)[], ad date[], anm name[]
)
"""
VALUES = (
    "(%s, true, -5, 9e15::int8, 1.5, 'NaN', 12345.67891, 1e-20, 'tex\tt\"''\\ ü', 'vc', 'ch',"
    """ '{"a": [1]}', '{"b": null}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff10',"""
    " '2024-02-29', '23:59:59.999999', '2024-02-29 12:00:00.123456', '2024-02-29 12:00+02',"
    " '12:00+02', '1 day 02:00', 'ok', 7, '{1,NULL,3}', ARRAY['a,b', NULL, 'q\"uo\\te', ''],"
    " '{1.50,2}', '{sad,ok}', '{2024-02-29 12:00:00+00}', '{{1,2},{3,4}}', '[1,5)', '10.0.0.1/32',"
    " 12.34, '(1,2)', B'101', ARRAY['\\x00ff'::bytea, NULL], '{a,b c}', '{0044-03-15 BC,infinity}',"
    " '{x,\"y z\"}')"
)
ODD = (
    "(%s, NULL, NULL, NULL, '-Infinity', '1e300', 'NaN', 'NaN', '', '', '', NULL, NULL, NULL, '',"
    " 'infinity', '00:00', '-infinity', '0044-03-15 BC', NULL, '-3 mons', NULL, NULL, '{}', '{}',"
    " NULL, NULL, NULL, NULL, 'empty', NULL, NULL, NULL, NULL, '{}', NULL, '{NULL}', NULL)"
)


def test_every_type_comes_as_the_snapshot_reads_it(make: Any) -> None:
    cdc = make("cdc_types", TYPES)

    def insert(number: int) -> None:
        for offset, values in enumerate((VALUES, ODD)):
            cdc.db.execute(f"INSERT INTO t VALUES {values % (number + offset)}")

    insert(1)
    connection = cdc.connect({"t": APPEND})
    cdc.airbyte.sync(connection)
    insert(3)
    cdc.airbyte.sync(connection)
    names = cdc.rows(
        "SELECT column_name, data_type FROM (DESCRIBE bronze.cdc_types.t)".replace(
            "column_name, data_type", "column_name, column_type"
        )
    )
    own = [name for name, _ in names if not name.startswith("_a") and name != "id"]
    listing = ", ".join(f'"{name}"' for name in own)
    found = cdc.rows(
        f"SELECT {listing}, list_sort(_airbyte_meta.changes) FROM bronze.cdc_types.t ORDER BY id"
    )
    for snapshot, log in ((found[0], found[2]), (found[1], found[3])):
        for name, read, logged in zip([*own, "changes"], snapshot, log, strict=True):
            assert repr(logged) == repr(read), name
    nulled = {change["field"] for change in found[3][-1]}
    assert nulled == {"n", "d", "ts", "tz"}
    assert dict(zip(own, found[2], strict=False))["at"] == ["a,b", None, 'q"uo\\te', ""]


BIG = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 400))"


@pytest.mark.parametrize("full", [False, True], ids=["default", "full"])
def test_large_values_that_did_not_change_stay(make: Any, full: bool) -> None:
    name = f"cdc_toast_{'full' if full else 'default'}"
    cdc = make(name, "CREATE TABLE t (id int PRIMARY KEY, n int, big text, more text)")
    if full:
        cdc.db.execute("ALTER TABLE t REPLICA IDENTITY FULL")
    cdc.db.execute("ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER more SET STORAGE EXTERNAL")
    cdc.db.execute(f"INSERT INTO t SELECT i, 0, {BIG}, {BIG} FROM generate_series(1, 8) i")
    connection = cdc.connect({"t": DEDUP})
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET n = 1 WHERE id = 1")
    cdc.db.execute(f"UPDATE t SET n = 1, more = {BIG} WHERE id = 2")
    cdc.db.execute("UPDATE t SET n = n + 1 WHERE id = 2")
    cdc.db.execute("UPDATE t SET id = 100 WHERE id = 3")
    cdc.db.execute("UPDATE t SET n = 9 WHERE id = 100")
    cdc.db.execute("UPDATE t SET id = 101 WHERE id = 100")
    cdc.db.execute("DELETE FROM t WHERE id = 4")
    cdc.db.execute(f"INSERT INTO t VALUES (4, 4, {BIG}, NULL)")
    cdc.db.execute("UPDATE t SET n = 5 WHERE id = 4")
    cdc.db.execute("UPDATE t SET id = 3 WHERE id = 5")
    cdc.airbyte.sync(connection)
    wanted = cdc.db.execute("SELECT id, n, big, more FROM t ORDER BY id").fetchall()
    assert cdc.table("t", "id, n, big, more") == wanted
    # One of them is not wanted any more; no key changes in this window.
    selected = [{"fieldPath": [field]} for field in ("id", "n", "more")]
    (entry,) = cdc.airbyte.catalog(cdc.source)
    fields = {"fieldSelectionEnabled": True, "selectedFields": selected}
    entry["config"] = {**entry["config"], **DEDUP, **fields}
    streams = {"streams": [entry]}
    cdc.airbyte.post("connections/update", connectionId=connection, syncCatalog=streams)
    cdc.db.execute(f"UPDATE t SET n = 6 WHERE id = 6; UPDATE t SET more = {BIG} WHERE id = 8")
    cdc.db.execute("UPDATE t SET n = 8 WHERE id = 8")
    cdc.airbyte.sync(connection)
    wanted = cdc.db.execute("SELECT id, n, more FROM t ORDER BY id").fetchall()
    assert cdc.table("t", "id, n, more") == wanted
    del entry["config"]["fieldSelectionEnabled"], entry["config"]["selectedFields"]
    cdc.airbyte.post("connections/update", connectionId=connection, syncCatalog=streams)
    cdc.db.execute("UPDATE t SET big = '' WHERE id IN (6, 8)")
    cdc.db.execute("UPDATE t SET id = 7000, n = 7 WHERE id = 7")
    cdc.airbyte.sync(connection)
    wanted = cdc.db.execute("SELECT id, n, big, more FROM t ORDER BY id").fetchall()
    assert cdc.table("t", "id, n, big, more") == wanted


def test_append_notes_what_the_log_does_not_hold(make: Any) -> None:
    cdc = make("cdc_noted", "CREATE TABLE t (id int PRIMARY KEY, n int, big text)")
    cdc.db.execute("ALTER TABLE t ALTER big SET STORAGE EXTERNAL")
    cdc.db.execute(f"INSERT INTO t VALUES (1, 0, {BIG})")
    connection = cdc.connect({"t": APPEND})
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET n = 1")
    cdc.db.execute("ALTER TABLE t REPLICA IDENTITY FULL")
    cdc.db.execute("UPDATE t SET n = 2")
    cdc.airbyte.sync(connection)
    got = cdc.rows(
        "SELECT n, big IS NULL, _airbyte_meta.changes FROM bronze.cdc_noted.t ORDER BY n"
    )
    note = {"field": "big", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
    assert got == [(0, False, []), (1, True, [note]), (2, False, [])]


def test_truncate_and_tables_in_one_transaction(make: Any) -> None:
    cdc = make(
        "cdc_many",
        "CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)",
    )
    for name in ("a", "b"):
        cdc.db.execute(f"INSERT INTO {name} SELECT i, 0 FROM generate_series(1, 100) i")
    connection = cdc.connect({"a": DEDUP, "b": DEDUP})
    cdc.airbyte.sync(connection)
    with cdc.db.transaction():
        cdc.db.execute("INSERT INTO a VALUES (200, 1)")
        cdc.db.execute("TRUNCATE a")
        cdc.db.execute("INSERT INTO a VALUES (1, 2), (201, 2)")
        cdc.db.execute("UPDATE b SET v = 2 WHERE id < 3")
    cdc.airbyte.sync(connection)
    assert cdc.table("a", "id, v") == [(1, 2), (201, 2)]
    assert cdc.table("b", "id, v") == cdc.db.execute("SELECT * FROM b ORDER BY 1").fetchall()
    state = cdc.airbyte.post("state/get", connectionId=connection)
    cdc.db.execute("TRUNCATE a, b")
    cdc.airbyte.sync(connection)
    assert cdc.table("a", "id") == cdc.table("b", "id") == []
    # As Airbyte has it: one state for the log, and each stream's part; it may be set as it is.
    assert state["stateType"] == "global"
    parts = {
        part["streamDescriptor"]["name"]: dict(part["streamState"])
        for part in state["globalState"]["streamStates"]
    }
    for own in ("table_oid", "publication_member_oid"):
        assert len({part.pop(own) for part in parts.values()}) == 2
    assert parts == dict.fromkeys(("a", "b"), state["globalState"]["shared_state"])
    later = cdc.airbyte.post("state/get", connectionId=connection)
    moved = later["globalState"]["shared_state"]["lsn"]
    assert moved > state["globalState"]["shared_state"]["lsn"]
    cdc.airbyte.post("state/create_or_update", connectionId=connection, connectionState=state)
    assert cdc.airbyte.post("state/get", connectionId=connection) == state
    failure = cdc.airbyte.failure(connection)  # the slot was confirmed beyond it
    assert "beyond" in failure["externalMessage"]
    cdc.airbyte.post("state/create_or_update", connectionId=connection, connectionState=later)
    cdc.db.execute("INSERT INTO a VALUES (7, 7)")
    cdc.airbyte.sync(connection)
    assert cdc.table("a", "id") == [(7,)]


def test_the_table_is_altered_between_changes(make: Any) -> None:
    cdc = make("cdc_ddl", "CREATE TABLE t (id int PRIMARY KEY, a int, b text)")
    cdc.db.execute("INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')")
    connection = cdc.connect({"t": DEDUP}, nonBreakingChangesPreference="propagate_columns")
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET a = 10 WHERE id = 1")
    cdc.db.execute("ALTER TABLE t ADD c timestamptz")
    cdc.db.execute("INSERT INTO t VALUES (3, 3, 'z', '2024-01-01 00:00Z')")
    cdc.db.execute("ALTER TABLE t ALTER a TYPE bigint")
    cdc.db.execute("INSERT INTO t VALUES (4, 5000000000, 'w', NULL)")
    cdc.db.execute("ALTER TABLE t DROP b")
    cdc.db.execute("UPDATE t SET a = a + 1 WHERE id = 4")
    cdc.airbyte.sync(connection)
    got = cdc.table("t", "id, a, b, c IS NULL")
    assert got == [
        (1, 10, "x", True),
        (2, 2, "y", True),
        (3, 3, "z", False),
        (4, 5000000001, None, True),
    ]


def test_new_columns_are_left_out_unless_they_are_to_be_propagated(make: Any) -> None:
    cdc = make("cdc_ignore", "CREATE TABLE t (id int PRIMARY KEY, a int)")
    connection = cdc.connect({"t": DEDUP}, nonBreakingChangesPreference="ignore")
    cdc.airbyte.sync(connection)
    cdc.db.execute("ALTER TABLE t ADD c int")
    cdc.db.execute("INSERT INTO t VALUES (1, 1, 1)")
    cdc.airbyte.sync(connection)
    names = [name for (name,) in cdc.rows("SELECT column_name FROM (DESCRIBE bronze.cdc_ignore.t)")]
    assert "a" in names
    assert "c" not in names


def test_a_lost_slot_is_explained_and_read_anew_only_when_asked(make: Any) -> None:
    cdc = make("cdc_lost", "CREATE TABLE t (id int PRIMARY KEY, a int)")
    cdc.db.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    connection = cdc.connect({"t": DEDUP})
    cdc.airbyte.sync(connection)
    drop = "SELECT pg_drop_replication_slot('cdc_lost')"
    cdc.db.execute(drop)
    cdc.db.execute("DELETE FROM t WHERE id = 1")
    failure = cdc.airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "does not exist any more" in failure["externalMessage"]
    assert "connections/reset" in failure["externalMessage"]
    # Made anew by someone: the changes in between are gone all the same.
    cdc.db.execute("SELECT pg_create_logical_replication_slot('cdc_lost', 'pgoutput')")
    failure = cdc.airbyte.failure(connection)
    assert "it was made anew" in failure["externalMessage"]
    assert cdc.table("t", "id") == [(1,), (2,)]
    cdc.airbyte.sync(connection, "reset")
    cdc.airbyte.sync(connection)
    assert cdc.table("t", "id, a") == [(2, 2)]
    # The same, with leave to read anew.
    config = cdc.config(invalid_cdc_cursor_position_behavior="Re-sync data")
    cdc.airbyte.post(
        "sources/update", sourceId=cdc.source, name=cdc.name, connectionConfiguration=config
    )
    cdc.db.execute(drop)
    cdc.db.execute("UPDATE t SET a = 3")
    cdc.airbyte.sync(connection)
    assert cdc.table("t", "id, a") == [(2, 3)]
    cdc.db.execute("INSERT INTO t VALUES (5, 5)")
    again = cdc.airbyte.sync(connection)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 1
    assert cdc.table("t", "id, a") == [(2, 3), (5, 5)]


def test_what_cannot_be_read_is_said(make: Any) -> None:
    cdc = make("cdc_wrong", "CREATE TABLE t (id int PRIMARY KEY)")
    for changes, words in (
        ({"publication": "nobody"}, "CREATE PUBLICATION"),
        ({"replication_slot": ""}, "replication_slot"),
        ({"plugin": "wal2json"}, "pgoutput"),
    ):
        answer = (
            cdc.airbyte.post(
                "sources/check_connection", sourceId=cdc.airbyte.source(cdc.config(**changes))
            )
            if "plugin" not in changes
            else None
        )
        if answer is not None:
            assert answer["status"] == "failed"
            assert words in answer["message"]
    cdc.db.execute("CREATE TABLE outside (id int PRIMARY KEY)")
    source = cdc.airbyte.source(cdc.config())
    offered = {e["stream"]["name"]: e["stream"] for e in cdc.airbyte.catalog(source)}
    assert offered["outside"]["supportedSyncModes"] == ["full_refresh"]
    assert offered["t"]["supportedSyncModes"] == ["full_refresh", "incremental"]
    assert offered["t"]["sourceDefinedCursor"]
    assert offered["t"]["defaultCursorField"] == ["_ab_cdc_lsn"]


def test_a_table_that_joins_later_is_read_whole_first(make: Any) -> None:
    cdc = make(
        "cdc_join", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)"
    )
    cdc.db.execute("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)")
    connection = cdc.connect({"a": DEDUP})
    cdc.airbyte.sync(connection)
    both = [
        {**entry, "config": {**entry["config"], **DEDUP}}
        for entry in cdc.airbyte.catalog(cdc.source)
    ]
    cdc.db.execute("INSERT INTO a VALUES (2); INSERT INTO b VALUES (2)")
    update = {"connectionId": connection, "syncCatalog": {"streams": both}}
    cdc.airbyte.post("connections/update", **update)
    cdc.airbyte.sync(connection)
    assert cdc.table("a", "id") == cdc.table("b", "id") == [(1,), (2,)]
    # Left out for a while, and back: the log was not kept for it.
    update["syncCatalog"] = {"streams": [e for e in both if e["stream"]["name"] == "a"]}
    cdc.airbyte.post("connections/update", **update)
    cdc.db.execute("INSERT INTO a VALUES (3); INSERT INTO b VALUES (3)")
    cdc.airbyte.sync(connection)
    update["syncCatalog"] = {"streams": both}
    cdc.airbyte.post("connections/update", **update)
    cdc.airbyte.sync(connection)
    assert cdc.table("a", "id") == cdc.table("b", "id") == [(1,), (2,), (3,)]


def test_xmin_needs_no_cursor(make: Any) -> None:
    cdc = make("by_xmin", "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE VIEW w AS TABLE t")
    cdc.db.execute("INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) i")
    config = cdc.airbyte.postgres_config(schemas=[cdc.name], replication_method={"method": "Xmin"})
    source = cdc.airbyte.source(config)
    offered = {e["stream"]["name"]: e["stream"] for e in cdc.airbyte.catalog(source)}
    assert offered["w"]["supportedSyncModes"] == ["full_refresh"]
    connection = cdc.airbyte.connect(source, cdc.name, {"t": DEDUP})
    cdc.airbyte.sync(connection)
    cdc.db.execute("UPDATE t SET v = 1 WHERE id < 4; INSERT INTO t VALUES (101, 1)")
    second = cdc.airbyte.sync(connection)
    assert second["job"]["aggregatedStats"]["recordsCommitted"] == 4
    assert cdc.table("t", "id, v") == cdc.db.execute("SELECT * FROM t ORDER BY 1").fetchall()
    third = cdc.airbyte.sync(connection)
    assert third["job"]["aggregatedStats"]["recordsCommitted"] == 0
