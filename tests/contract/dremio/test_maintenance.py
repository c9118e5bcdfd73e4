"""OPTIMIZE, VACUUM, ROLLBACK, layout and history of real Iceberg tables; readers meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from services.dremio.state.lake.attach import Access
from services.dremio.state.lake.hadoop import HadoopCatalog
from services.dremio.state.lake.iceberg import open_table
from services.dremio.state.lake.objects import Objects
from services.dremio.state.lake.rest import IcebergRest
from services.dremio.state.lake.source import LakeSource, Place
from services.dremio.state.lake.tables import Tables
from tests.support.dremio import Dremio, JobFailed
from tests.support.platform import Home

pytestmark = pytest.mark.ours("it looks at the storage behind the source")

FUTURE = "2100-01-01 00:00:00.000"


def many_files(dremio: Dremio, name: str, count: int = 6) -> None:
    """A table of `count` files with a row each: (n, 'row n', the n-th of January)."""
    dremio.query(f"CREATE TABLE {name} (id INT, name VARCHAR, day DATE)")
    for number in range(1, count + 1):
        dremio.query(
            f"INSERT INTO {name} VALUES ({number}, 'row {number}', DATE '2024-01-{number:02d}')"
        )


def files(dremio: Dremio, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = dremio.query(f"SELECT * FROM TABLE(table_files('{name}'))")["rows"]
    return rows


def test_optimize_merges_files_and_drops_deletes_with_the_rows_as_they_were(dremio: Dremio) -> None:
    many_files(dremio, "gold.opt")
    dremio.query("UPDATE gold.opt SET name = 'new' WHERE id = 2")
    dremio.query("DELETE FROM gold.opt WHERE id = 3")
    before = dremio.rows("SELECT * FROM gold.opt ORDER BY id")
    assert len(before) == 5
    kinds = [file["content"] for file in files(dremio, "gold.opt")]
    assert (kinds.count("DATA"), kinds.count("POSITION_DELETES")) == (7, 2)
    assert dremio.rows("OPTIMIZE TABLE gold.opt") == [(7, 2, 1)]
    after = files(dremio, "gold.opt")
    assert [(file["content"], file["record_count"]) for file in after] == [("DATA", 5)]
    assert dremio.rows("SELECT * FROM gold.opt ORDER BY id") == before
    last = dremio.query(
        "SELECT operation, summary FROM TABLE(table_snapshot('gold.opt')) "
        "ORDER BY committed_at DESC LIMIT 1"
    )["rows"][0]
    assert last["operation"] == "replace"
    totals = ("total-data-files", "total-delete-files", "total-records")
    assert [last["summary"][name] for name in totals] == ["1", "0", "5"]
    assert dremio.rows("OPTIMIZE TABLE gold.opt") == [(0, 0, 0)]  # nothing is left to do
    # And DuckDB goes on writing to it.
    dremio.query("DELETE FROM gold.opt WHERE id = 1")
    assert dremio.rows("SELECT count(*) FROM gold.opt") == [(4,)]
    dremio.query("DROP TABLE gold.opt")


def test_optimize_by_its_options(dremio: Dremio) -> None:
    many_files(dremio, "gold.sized", 4)
    assert dremio.rows("OPTIMIZE TABLE gold.sized") == [(0, 0, 0)]  # fewer than MIN_INPUT_FILES
    for wrong, message in (
        ("(MIN_INPUT_FILES = 0)", "cannot be less than 1"),
        ("(TARGET_FILE_SIZE_MB = 10, MIN_FILE_SIZE_MB = 20)", "should be between"),
        ("(NO_SUCH = 1)", "Unsupported option"),
    ):
        with pytest.raises(JobFailed, match=message):
            dremio.query(f"OPTIMIZE TABLE gold.sized REWRITE DATA USING BIN_PACK {wrong}")
    assert dremio.rows("OPTIMIZE TABLE gold.sized REWRITE MANIFESTS") == [(0, 0, 0)]
    manifests = dremio.query("SELECT * FROM TABLE(table_manifests('gold.sized'))")["rows"]
    assert [(m["existing_data_files_count"], m["content"]) for m in manifests] == [(4, 0)]
    assert dremio.rows("OPTIMIZE TABLE gold.sized REWRITE DATA (MIN_INPUT_FILES = 2)") == [
        (4, 0, 1)
    ]
    # A file above the largest size is split.
    dremio.query(
        "CREATE TABLE gold.large AS SELECT md5(CAST(a.c * 1000 + b.c AS VARCHAR)) AS h FROM "
        "(SELECT FLATTEN(ARRAY_GENERATE_RANGE(0, 200)) AS c) a, "
        "(SELECT FLATTEN(ARRAY_GENERATE_RANGE(0, 1000)) AS c) b"
    )
    small = "(TARGET_FILE_SIZE_MB = 1, MAX_FILE_SIZE_MB = 2, MIN_INPUT_FILES = 1)"
    rewritten, _, new = dremio.rows(f"OPTIMIZE TABLE gold.large {small}")[0]
    assert rewritten == 1
    assert new > 2
    assert max(f["file_size_in_bytes"] for f in files(dremio, "gold.large")) < 2 * 1024 * 1024
    assert dremio.rows("SELECT count(*), count(DISTINCT h) FROM gold.large")[0][0] == 200_000
    for name in ("gold.sized", "gold.large"):
        dremio.query(f"DROP TABLE {name}")


def test_partition_fields_come_and_go_and_optimize_follows(dremio: Dremio) -> None:
    many_files(dremio, "gold.parts", 4)
    with pytest.raises(JobFailed, match=r"gold\.parts is not partitioned"):
        dremio.query("SELECT * FROM TABLE(table_partitions('gold.parts'))")
    assert dremio.rows("ALTER TABLE gold.parts ADD PARTITION FIELD month(day)") == [
        (True, "Partition field [month(day)] added")
    ]
    dremio.query("INSERT INTO gold.parts VALUES (5, 'e', DATE '2024-02-01')")
    assert dremio.rows("OPTIMIZE TABLE gold.parts REWRITE DATA (MIN_INPUT_FILES = 1)")[0][0] == 4
    listed = dremio.rows(
        "SELECT partition, record_count FROM TABLE(table_partitions('gold.parts')) ORDER BY 1"
    )
    assert [(name.split("=")[1], count) for name, count in listed] == [
        ("2024-01}", 4),
        ("2024-02}", 1),
    ]
    assert dremio.rows("SELECT id FROM gold.parts WHERE day = DATE '2024-01-03'") == [(3,)]
    dremio.query("ALTER TABLE gold.parts DROP PARTITION FIELD month(day)")
    dremio.query("ALTER TABLE gold.parts ADD PARTITION FIELD bucket(4, id)")
    dremio.query("INSERT INTO gold.parts VALUES (6, 'f', NULL)")
    dremio.query("OPTIMIZE TABLE gold.parts REWRITE DATA (MIN_INPUT_FILES = 1)")
    # Both writers put the same id into the same bucket, or these would not be found.
    for number in range(1, 7):
        assert dremio.rows(f"SELECT count(*) FROM gold.parts WHERE id = {number}") == [(1,)]
    with pytest.raises(JobFailed, match="is not in the table's partition spec"):
        dremio.query("ALTER TABLE gold.parts DROP PARTITION FIELD month(day)")
    dremio.query("DROP TABLE gold.parts")


def test_rows_of_former_partition_specs_change_too(dremio: Dremio) -> None:
    dremio.query(
        "CREATE TABLE gold.respec (id INT, name VARCHAR, day DATE) "
        "PARTITION BY (month(day), bucket(4, id))"
    )
    dremio.query("INSERT INTO gold.respec VALUES (1, 'abcd', DATE '2024-01-01')")
    dremio.query("ALTER TABLE gold.respec ADD PARTITION FIELD truncate(3, name)")
    dremio.query("INSERT INTO gold.respec VALUES (2, 'xbcd', DATE '2024-02-01')")
    dremio.query("UPDATE gold.respec SET name = 'new' WHERE id = 1")
    with pytest.raises(JobFailed, match="Duplicate partition field"):
        dremio.query("ALTER TABLE gold.respec ADD PARTITION FIELD truncate(3, name)")
    dremio.query("ALTER TABLE gold.respec DROP PARTITION FIELD bucket(4, id)")
    dremio.query("ALTER TABLE gold.respec ADD PARTITION FIELD id")
    dremio.query("INSERT INTO gold.respec VALUES (3, 'cbcd', DATE '2024-03-01')")
    dremio.query("DELETE FROM gold.respec WHERE id = 2")
    dremio.query(
        "MERGE INTO gold.respec USING (VALUES (3, 'm'), (4, 'i')) s(i, n) ON respec.id = s.i "
        "WHEN MATCHED THEN UPDATE SET name = s.n WHEN NOT MATCHED THEN INSERT (id, name) "
        "VALUES (s.i, s.n)"
    )
    rows = "SELECT id, name FROM gold.respec ORDER BY id"
    assert dremio.rows(rows) == [(1, "new"), (3, "m"), (4, "i")]
    dremio.query("ALTER TABLE gold.respec DROP PARTITION FIELD id")
    dremio.query("ALTER TABLE gold.respec DROP PARTITION FIELD truncate(3, name)")
    dremio.query("ALTER TABLE gold.respec ADD PARTITION FIELD bucket(4, id)")
    dremio.query("OPTIMIZE TABLE gold.respec REWRITE DATA (MIN_INPUT_FILES = 1)")
    dremio.query("UPDATE gold.respec SET name = 'last' WHERE id = 4")
    assert dremio.rows(rows) == [(1, "new"), (3, "m"), (4, "last")]
    dremio.query("TRUNCATE TABLE gold.respec")
    assert dremio.rows(rows) == []
    dremio.query("DROP TABLE gold.respec")


def test_optimize_some_partitions(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.some (k VARCHAR, n INT) PARTITION BY (k)")
    for number in range(3):
        dremio.query(f"INSERT INTO gold.some VALUES ('a', {number}), ('b', {number})")
    one = "OPTIMIZE TABLE gold.some REWRITE DATA (MIN_INPUT_FILES = 2) FOR PARTITIONS k = 'a'"
    assert dremio.rows(one) == [(3, 0, 1)]
    counts = "SELECT partition, file_count FROM TABLE(table_partitions('gold.some')) ORDER BY 1"
    assert dremio.rows(counts) == [("{k=a}", 1), ("{k=b}", 3)]
    with pytest.raises(JobFailed, match="no column that the table is partitioned by"):
        dremio.query("OPTIMIZE TABLE gold.some FOR PARTITIONS n = 1")
    dremio.query("DROP TABLE gold.some")


def test_rows_are_sorted_within_a_file(dremio: Dremio) -> None:
    dremio.query(
        "CREATE TABLE gold.sorted LOCALSORT BY (n) AS SELECT * FROM (VALUES (3), (1), (2)) t(n)"
    )
    dremio.query("INSERT INTO gold.sorted VALUES (9), (7), (8)")
    # Two files, read in either order.
    found = [n for (n,) in dremio.rows("SELECT n FROM gold.sorted")]
    assert [n for n in found if n < 5] == [1, 2, 3]
    assert [n for n in found if n > 5] == [7, 8, 9]
    dremio.query("ALTER TABLE gold.sorted ADD COLUMNS (name VARCHAR)")
    dremio.query("ALTER TABLE gold.sorted LOCALSORT BY (name)")
    dremio.query("INSERT INTO gold.sorted (name, n) SELECT 'z', 0 UNION ALL SELECT 'y', -1")
    dremio.query("OPTIMIZE TABLE gold.sorted (MIN_INPUT_FILES = 2)")
    assert dremio.rows("SELECT name FROM gold.sorted WHERE name IS NOT NULL") == [("y",), ("z",)]
    dremio.query("DROP TABLE gold.sorted")


def test_properties_are_set_and_unset(dremio: Dremio, engine_home: Home) -> None:
    dremio.query("CREATE TABLE gold.props (a INT) TBLPROPERTIES ('made' = 'yes')")
    told = dremio.rows("ALTER TABLE gold.props SET TBLPROPERTIES ('one' = '1', 'two' = '2')")
    assert told[0][1] == (
        "Table Property [one] set with value [1]. Table Property [two] set with value [2]. "
    )
    dremio.query("ALTER TABLE gold.props UNSET TBLPROPERTIES ('one')")
    properties = iceberg(engine_home, "props").metadata.properties
    assert {name: properties.get(name) for name in ("made", "one", "two")} == {
        "made": "yes",
        "one": None,
        "two": "2",
    }
    dremio.query("DROP TABLE gold.props")


def test_time_travel_and_rollback(dremio: Dremio) -> None:
    many_files(dremio, "gold.past", 3)
    past = dremio.query(
        "SELECT snapshot_id, committed_at FROM TABLE(table_snapshot('gold.past')) ORDER BY 2"
    )["rows"]
    first, third = past[0], past[2]
    count = "SELECT count(*) FROM gold.past"
    assert dremio.rows(f"{count} AT SNAPSHOT '{first['snapshot_id']}'") == [(1,)]
    assert dremio.rows(f"{count} AT TIMESTAMP '{third['committed_at']}'") == [(3,)]
    assert dremio.rows(f"{count} AT TIMESTAMP '{past[1]['committed_at']}' AS p") == [(2,)]
    with pytest.raises(JobFailed, match="no snapshot at or before"):
        dremio.query(f"{count} AT TIMESTAMP '2001-01-01 00:00:00.000'")
    with pytest.raises(JobFailed, match="Cannot rollback table to current snapshot"):
        dremio.query(f"ROLLBACK TABLE gold.past TO SNAPSHOT '{third['snapshot_id']}'")
    with pytest.raises(JobFailed, match="unknown snapshot ID 7"):
        dremio.query("ROLLBACK TABLE gold.past TO SNAPSHOT '7'")
    with pytest.raises(JobFailed, match="no valid snapshot older than"):
        dremio.query("ROLLBACK TABLE gold.past TO TIMESTAMP '2001-01-01 00:00:00.000'")
    told = dremio.rows(f"ROLLBACK TABLE gold.past TO TIMESTAMP '{third['committed_at']}'")
    assert told == [(True, "Table [gold.past] rollbacked")]
    assert dremio.rows(count) == [(2,)]
    dremio.query(f"ROLLBACK TABLE gold.past TO SNAPSHOT '{first['snapshot_id']}'")
    assert dremio.rows("SELECT id FROM gold.past") == [(1,)]
    history = dremio.rows(
        "SELECT snapshot_id, is_current_ancestor FROM TABLE(table_history('gold.past'))"
    )
    assert (third["snapshot_id"], False) in history
    assert (first["snapshot_id"], True) in history
    dremio.query("DROP TABLE gold.past")


def test_vacuum_removes_what_only_expired_snapshots_need(dremio: Dremio, engine_home: Home) -> None:
    many_files(dremio, "gold.old")
    dremio.query("DELETE FROM gold.old WHERE id = 1")
    dremio.query("OPTIMIZE TABLE gold.old")
    table = iceberg(engine_home, "old")
    paths = {f["file_path"] for f in table.inspect.all_files().to_pylist()}
    assert dremio.rows("VACUUM TABLE gold.old EXPIRE SNAPSHOTS") == [(0, 0, 0, 0, 0, 0)]
    expire = f"VACUUM TABLE gold.old EXPIRE SNAPSHOTS older_than '{FUTURE}' retain_last"
    data, deletes, _, manifests, lists, _ = dremio.rows(f"{expire}=1")[0]
    assert (data, deletes, lists) == (6, 1, 7)
    assert manifests >= 6
    left = {path for path in paths if table.io.new_input(path).exists()}
    assert left == {f["file_path"] for f in files(dremio, "gold.old")}
    assert dremio.rows("SELECT count(*) FROM gold.old") == [(5,)]
    # A file that no snapshot knows of, as a writer that died leaves it.
    stray = f"{table.location()}/data/stray.parquet"
    with table.io.new_output(stray).create() as stream:
        stream.write(b"x" * 100)
    orphans = "VACUUM TABLE gold.old REMOVE ORPHAN FILES"
    assert dremio.rows(orphans) == [(0, 0)]  # too young
    assert dremio.rows(f"{orphans} older_than = '{FUTURE}'") == [(1, 0)]
    assert not table.io.new_input(stray).exists()
    assert dremio.rows("SELECT sum(id) FROM gold.old") == [(20,)]
    dremio.query("INSERT INTO gold.old VALUES (9, 'x', NULL)")
    with pytest.raises(JobFailed, match="below the table's own"):
        dremio.query(f"{orphans} location = 's3://gold/lake'")
    dremio.query("DROP TABLE gold.old")


def test_analyze_counts(dremio: Dremio) -> None:
    dremio.query(
        "CREATE TABLE gold.counted AS SELECT * FROM (VALUES (1, 'a'), (2, NULL), (2, 'a')) t(n, s)"
    )
    dremio.query("ANALYZE TABLE gold.counted FOR ALL COLUMNS COMPUTE STATISTICS")
    kept = (
        'SELECT "column", number_of_distinct_values, row_count, null_count '
        "FROM sys.table_statistics WHERE \"table\" = 'gold.counted' ORDER BY 1"
    )
    assert dremio.rows(kept) == [("n", 2, 3, 0), ("s", 1, 3, 1)]
    dremio.query("ANALYZE TABLE gold.counted FOR COLUMNS (n) DELETE STATISTICS")
    assert [row[0] for row in dremio.rows(kept)] == ["s"]
    dremio.query("DROP TABLE gold.counted")


def test_readers_see_one_snapshot_or_the_next(dremio: Dremio) -> None:
    """Every statement below keeps the count and the sum; no reader may see other ones."""
    dremio.query(
        "CREATE TABLE gold.busy AS SELECT c AS id, 10 AS amount "
        "FROM (SELECT FLATTEN(ARRAY_GENERATE_RANGE(0, 50)) AS c) t"
    )
    seen: list[object] = []
    rounds = threading.Semaphore(0)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                row: object = dremio.rows(
                    "SELECT count(*), sum(amount), count(DISTINCT id) FROM gold.busy"
                )[0]
            except JobFailed as error:
                row = str(error)
            seen.append(row)
            rounds.release()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(4):
            for statement in (
                "MERGE INTO gold.busy b USING (SELECT 1 AS id, 5 AS d UNION ALL SELECT 2, -5) s "
                "ON b.id = s.id WHEN MATCHED THEN UPDATE SET amount = b.amount + s.d",
                f"ALTER TABLE gold.busy ADD COLUMNS (c{number} INT)",
                "OPTIMIZE TABLE gold.busy (MIN_INPUT_FILES = 1)",
                f"ALTER TABLE gold.busy DROP COLUMN c{number}",
            ):
                dremio.query(statement)
                assert rounds.acquire(timeout=60), "some reader has read since"
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert set(seen) == {(50, 500, 50)}
    dremio.query("DROP TABLE gold.busy")


def test_writers_go_on_while_a_table_is_optimized(dremio: Dremio) -> None:
    many_files(dremio, "gold.both", 3)
    failures: list[str] = []

    def write() -> None:
        for number in range(100, 110):
            try:
                dremio.query(f"INSERT INTO gold.both VALUES ({number}, 'w', NULL)")
            except JobFailed as error:
                failures.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        dremio.query("OPTIMIZE TABLE gold.both (MIN_INPUT_FILES = 1)")
    writer.join()
    assert not failures
    assert dremio.rows("SELECT count(*), sum(id) FROM gold.both") == [(13, 6 + 1045)]
    dremio.query("DROP TABLE gold.both")


def iceberg(home: Home, name: str) -> Any:
    """The table as PyIceberg reads it from the storage."""
    settings = home.settings
    access = Access(
        iceberg_uri=settings.iceberg_uri,
        s3_endpoint=settings.s3_endpoint,
        access_key="dremio",
        secret_key=settings.dremio_s3_secret_key.get_secret_value(),
    )
    keys = (access.access_key, access.secret_key)
    objects = Objects(access.s3_endpoint, *keys, secure=False, region=access.region)
    tables = Tables(IcebergRest(access.iceberg_uri, *keys), HadoopCatalog(objects))
    lake = LakeSource("gold", access, {"rootPath": "/gold/lake"}, tables, objects)
    return open_table(lake, Place("gold", ("lake",), name))
