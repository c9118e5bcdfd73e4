"""Statements over REST, as dbt and scripts send them, on real Iceberg tables."""

from __future__ import annotations

import threading

import pytest

from tests.support.dremio import Dremio, JobFailed


def test_a_table_through_its_life(dremio: Dremio) -> None:
    run = dremio.rows
    made = dremio.query(
        "CREATE TABLE gold.life PARTITION BY (day) LOCALSORT BY (id) AS "
        "SELECT * FROM (VALUES (1, 'a', DATE '2024-01-01'), (2, 'b', DATE '2024-01-02')) "
        "t(id, name, day)"
    )
    assert made["rows"][0]["Records"] == 2
    assert run("INSERT INTO gold.life VALUES (3, NULL, DATE '2024-01-02')") == [(1,)]
    assert run("UPDATE gold.life SET name = 'B' WHERE id = 2") == [(1,)]
    assert run(
        "MERGE INTO gold.life AS d "
        "USING (SELECT 3 AS id, 'c' AS name UNION ALL SELECT 4, 'd') AS s "
        "ON d.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name "
        "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)"
    ) == [(2,)]
    assert run("DELETE FROM gold.life WHERE id = 1") == [(1,)]
    assert run("SELECT id, name FROM GOLD.Life ORDER BY name DESC") == [
        (4, "d"),
        (3, "c"),
        (2, "B"),
    ]
    assert run("ALTER TABLE gold.life ADD COLUMNS (amount DECIMAL(10, 2))")[0][0] is True
    assert run("ALTER TABLE gold.life ALTER COLUMN id id BIGINT")[0][0] is True
    with pytest.raises(JobFailed, match="partition"):
        run("ALTER TABLE gold.life DROP COLUMN day")
    assert run("ALTER TABLE gold.life DROP COLUMN name")[0][0] is True
    described = dremio.query("DESCRIBE gold.life")["rows"]
    assert {row["COLUMN_NAME"]: row["DATA_TYPE"] for row in described}["amount"] == "DECIMAL"
    assert run("TRUNCATE TABLE gold.life")[0][0] is True
    assert run("SELECT count(*) FROM gold.life") == [(0,)]
    assert run("DROP TABLE gold.life")[0][0] is True
    with pytest.raises(JobFailed, match=r"'gold\.life' not found"):
        run("SELECT * FROM gold.life")


def test_create_or_replace_swaps_the_table_whole(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.swapped AS SELECT 1 AS a")
    with pytest.raises(JobFailed, match="already exists"):
        dremio.query("CREATE TABLE gold.swapped AS SELECT 2 AS a")
    dremio.query(
        "CREATE OR REPLACE TABLE gold.swapped AS SELECT 'x' AS b, a + 1 AS c FROM gold.swapped"
    )
    assert dremio.query("SELECT * FROM gold.swapped")["rows"] == [{"b": "x", "c": 2}]
    dremio.query("DROP TABLE gold.swapped")
    assert dremio.rows("DROP TABLE IF EXISTS gold.swapped")[0][0] is True


def test_dremio_semantics_that_a_plain_translation_gets_wrong(dremio: Dremio) -> None:
    assert dremio.rows("SELECT 5 / 2, -5 / 2, 5 / 2.0") == [(2, -2, 2.5)]
    values = "(VALUES (1), (NULL), (2)) t(x)"
    assert dremio.rows(f"SELECT x FROM {values} ORDER BY x DESC") == [(None,), (2,), (1,)]
    assert dremio.rows(f"SELECT x FROM {values} ORDER BY x") == [(1,), (2,), (None,)]
    result = dremio.query(
        "SELECT Id, id + 1, sum(ID) AS Total FROM (VALUES (1)) t(iD) GROUP BY 1, 2"
    )
    assert [column["name"] for column in result["schema"]] == ["Id", "EXPR$1", "Total"]
    assert result["schema"][2]["type"]["name"] == "BIGINT"


def test_values_are_written_as_dremio_writes_them(dremio: Dremio) -> None:
    row = dremio.query(
        "SELECT CAST('2024-02-03 04:05:06.789' AS TIMESTAMP) AS t, DATE '2024-02-03' AS d, "
        "CAST(12.50 AS DECIMAL(30, 2)) AS n, CAST(9007199254740993 AS BIGINT) AS b, "
        "true AS o, CAST(NULL AS VARCHAR) AS v"
    )["rows"][0]
    assert row == {
        "t": "2024-02-03 04:05:06.789",
        "d": "2024-02-03",
        "n": 12.5,
        "b": 9007199254740993,
        "o": True,
        "v": None,
    }


def test_views_and_their_context(dremio: Dremio) -> None:
    dremio.query("CREATE SPACE views_space")
    dremio.query("CREATE FOLDER views_space.f")
    dremio.query("CREATE TABLE gold.seen AS SELECT 1 AS id, 'x' AS name")
    dremio.query("CREATE VIEW views_space.f.v AS SELECT ID AS number FROM seen", ["gold"])
    dremio.query("CREATE VIEW w AS SELECT number * 2 AS twice FROM v", ["views_space", "f"])
    assert dremio.query('SELECT twice FROM "views_space.f".w')["rows"] == [{"twice": 2}]
    with pytest.raises(JobFailed, match="refers to itself"):
        dremio.query("CREATE OR REPLACE VIEW views_space.f.v AS SELECT * FROM views_space.f.w")
    with pytest.raises(JobFailed, match="already exists"):
        dremio.query("CREATE VIEW views_space.f.v AS SELECT 1 AS a")
    with pytest.raises(JobFailed, match="is a VIEW"):
        dremio.query("DROP TABLE views_space.f.v")
    listed = dremio.rows(
        'SELECT TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA."TABLES" '
        "WHERE TABLE_SCHEMA = 'views_space.f' ORDER BY 1"
    )
    assert listed == [("v", "VIEW"), ("w", "VIEW")]
    columns = dremio.rows(
        "select column_name, data_type from information_schema.columns "
        "where ilike(table_schema, 'VIEWS_space.F') and ilike(table_name, 'v')"
    )
    assert columns == [("number", "INTEGER")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM duckdb_secrets()",
        "SELECT getenv('HOME')",
        "SELECT current_setting('s3_secret_access_key')",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM information_schema.schemata_",
        "INSERT INTO gold.none VALUES (1)",
    ],
)
def test_what_reaches_outside_the_catalog_is_refused(dremio: Dremio, sql: str) -> None:
    with pytest.raises(JobFailed) as caught:
        dremio.query(sql)
    assert caught.value.status["jobState"] == "FAILED"
    assert "root:" not in caught.value.status["errorMessage"]


def test_writers_to_one_table_wait_for_each_other(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.many AS SELECT 0 AS n")
    failures: list[Exception] = []

    def insert(number: int) -> None:
        try:
            dremio.query(f"INSERT INTO gold.many VALUES ({number})")
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=insert, args=(n,)) for n in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert dremio.rows("SELECT count(*), sum(n) FROM gold.many") == [(13, 78)]
    past = dremio.rows("SELECT snapshot_id FROM TABLE(table_snapshot('gold.many')) ORDER BY 1")
    assert len(past) == 13


def test_time_travel(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE silver.past AS SELECT 1 AS n")
    first = dremio.rows("SELECT snapshot_id FROM TABLE(table_snapshot('silver.past'))")[0][0]
    dremio.query("INSERT INTO silver.past VALUES (2)")
    assert dremio.rows(f"SELECT n FROM silver.past AT SNAPSHOT '{first}'") == [(1,)]
    assert dremio.rows("SELECT count(*) FROM silver.past") == [(2,)]


def test_a_source_rooted_at_slash_names_its_buckets(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE lake.silver.deep.t AS SELECT 7 AS seven")
    assert dremio.rows("SELECT seven FROM lake.silver.deep.t") == [(7,)]
    schemas = [name for (name,) in dremio.rows("SHOW SCHEMAS")]
    assert {"lake.silver", "lake.silver.deep", "gold", "INFORMATION_SCHEMA", "sys"} <= set(schemas)
    assert "lake.bronze" in schemas


def test_readers_see_a_replaced_table_before_or_after_never_without(dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.flips AS SELECT 1 AS n")
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(dremio.rows("SELECT min(n), max(n), count(*) FROM gold.flips")[0])
            except JobFailed as error:
                seen.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(2, 8):
            dremio.query(
                f"CREATE OR REPLACE TABLE gold.flips AS "
                f"SELECT {number} AS n FROM (VALUES (1), (2)) t(x)"
            )
    finally:
        stop.set()
        reader.join()
    allowed = {(1, 1, 1), *((n, n, 2) for n in range(2, 8))}
    assert seen
    assert set(seen) <= allowed
