"""PostgreSQL as a source: types, freshness, joins, and what reaches the database."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.dremio import Dremio, JobFailed
from tests.support.platform import Home

pytestmark = pytest.mark.ours("the database beside it is ours")


@pytest.fixture(scope="module")
def shop(engine_home: Home) -> Iterator[psycopg.Connection]:
    """A schema of our own in the sample database."""
    with psycopg.connect(engine_home.settings.postgres_dsn("shop"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sources_test")
        connection.execute(
            "CREATE TABLE sources_test.orders (id bigint PRIMARY KEY, name text, "
            "price numeric(10,2), made_at timestamptz, day date, fine boolean, note json, "
            "tag uuid, score double precision)"
        )
        connection.execute(
            "INSERT INTO sources_test.orders SELECT i, 'name ' || i % 10, i * 1.5, "
            "timestamptz '2026-01-01 00:00:00.123456+00' + i * interval '1 hour', "
            "date '2026-01-01' + i % 30, i % 2 = 0, json_build_object('a', i), gen_random_uuid(), "
            "i / 3.0 FROM generate_series(1, 5000) i"
        )
        yield connection


@pytest.fixture(scope="module")
def pg(dremio: Dremio, engine_home: Home, shop: psycopg.Connection) -> str:
    """The source, made as Dremio's API takes it."""
    settings = engine_home.settings
    config = {
        "hostname": settings.postgres_host,
        "port": str(settings.postgres_port),
        "databaseName": "shop",
        "authenticationType": "MASTER",
        "username": "shop",
        "password": settings.shop_db_password.get_secret_value(),
        "fetchSize": 200,
        "useSsl": False,
    }
    body = {"entityType": "source", "name": "pg", "type": "POSTGRES", "config": config}
    answer = dremio.http.post("/api/v3/catalog", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["config"]["password"] == "$DREMIO_EXISTING_VALUE$"
    assert answer.json()["state"]["status"] == "good"
    return "pg"


def test_rows_and_types(dremio: Dremio, pg: str) -> None:
    """Columns come with Dremio's types; nothing is lost but what Dremio has no room for."""
    [row] = dremio.rows("SELECT * FROM pg.sources_test.orders WHERE id = 7")
    assert row[:6] == (7, "name 7", 10.5, "2026-01-01 07:00:00.123", "2026-01-08", False) or (
        str(row[2]) == "10.50" and row[3] == "2026-01-01 07:00:00.123"
    )
    described = {r[0]: r[1] for r in dremio.rows("DESCRIBE pg.sources_test.orders")}
    assert described == {
        "id": "BIGINT",
        "name": "CHARACTER VARYING",
        "price": "DECIMAL",
        "made_at": "TIMESTAMP",
        "day": "DATE",
        "fine": "BOOLEAN",
        "note": "CHARACTER VARYING",
        "tag": "CHARACTER VARYING",
        "score": "DOUBLE",
    }


@pytest.mark.parametrize(
    "condition",
    [
        "id BETWEEN 10 AND 40",
        "name = 'name 3' AND price > 100",
        "name IN ('name 3', 'name 4') OR id < 5",
        "made_at > TIMESTAMP '2026-01-05 10:00:00.123'",
        "day = DATE '2026-01-09'",
        "NOT fine AND score < 10",
        "name <> 'name 1' AND id < 100",
        "id IS NULL",
    ],
)
def test_conditions_give_the_same_rows(
    dremio: Dremio, pg: str, shop: psycopg.Connection, condition: str
) -> None:
    """As PostgreSQL itself answers."""
    sql = f"SELECT id FROM {{}}sources_test.orders WHERE {condition}"
    shop.execute("SET timezone = 'UTC'")
    expected = sorted(row[0] for row in shop.execute(sql.format("")).fetchall())
    assert sorted(row[0] for row in dremio.rows(sql.format("pg."))) == expected


def test_columns_and_conditions_reach_the_database(
    dremio: Dremio, pg: str, shop: psycopg.Connection
) -> None:
    """A view whose column is the statement that PostgreSQL was sent tells what that was."""
    shop.execute(
        "CREATE VIEW sources_test.told AS "
        "SELECT *, current_query() AS sent FROM sources_test.orders"
    )
    [(sent,)] = dremio.rows(
        "SELECT sent FROM pg.sources_test.told WHERE id = 4321 AND fine = FALSE AND name = 'name 1'"
    )
    assert "4321" in sent
    assert "'name 1'" in sent
    assert '"score"' not in sent
    assert '"note"' not in sent


def test_changes_show_up(dremio: Dremio, pg: str, shop: psycopg.Connection) -> None:
    """New rows at once; a new table at once; new columns after REFRESH METADATA."""
    shop.execute("CREATE TABLE sources_test.fresh (a int)")
    shop.execute("INSERT INTO sources_test.fresh VALUES (1)")
    assert dremio.rows("SELECT * FROM pg.sources_test.fresh") == [(1,)]
    shop.execute("INSERT INTO sources_test.fresh VALUES (2)")
    shop.execute("ALTER TABLE sources_test.fresh ADD COLUMN b text DEFAULT 'x'")
    dremio.query("ALTER TABLE pg.sources_test.fresh REFRESH METADATA")
    assert dremio.rows("SELECT * FROM pg.sources_test.fresh ORDER BY a") == [(1, "x"), (2, "x")]


def test_own_sql_is_run_by_the_database(dremio: Dremio, pg: str) -> None:
    """`external_query` hands a query in PostgreSQL's own SQL over."""
    rows = dremio.rows(
        "SELECT * FROM TABLE(pg.external_query('SELECT count(*) AS n FROM sources_test.orders "
        "WHERE note->>''a'' = ''5''')) AS q"
    )
    assert [int(row[0]) for row in rows] == [1]


def test_joined_with_the_lake(dremio: Dremio, pg: str) -> None:
    """A database's rows become a lake's table, and both join."""
    dremio.query(
        "CREATE TABLE gold.from_pg AS "
        "SELECT name, COUNT(*) AS n FROM pg.sources_test.orders GROUP BY 1"
    )
    [(lines,)] = dremio.rows(
        "SELECT COUNT(*) FROM pg.sources_test.orders o JOIN gold.from_pg g ON g.name = o.name "
        "AND g.n = 500"
    )
    assert int(lines) == 5000
    dremio.query("DROP TABLE gold.from_pg")


def test_listed_and_refused(dremio: Dremio, pg: str) -> None:
    """Tables are listed below schemas; writing and wrong passwords are refused."""
    rows = dremio.rows(
        'SELECT TABLE_NAME FROM INFORMATION_SCHEMA."TABLES" '
        "WHERE TABLE_SCHEMA = 'pg.sources_test'"
    )
    assert ("orders",) in rows
    with pytest.raises(JobFailed, match="does not support creating or changing tables"):
        dremio.query("CREATE TABLE pg.sources_test.t AS SELECT 1 AS a")
    body = {
        "entityType": "source",
        "name": "wrong",
        "type": "POSTGRES",
        "config": {
            "hostname": "127.0.0.1",
            "port": "1",
            "databaseName": "shop",
            "username": "shop",
            "password": "not-the-password",
        },
    }
    answer = dremio.http.post("/api/v3/catalog", json=body).json()
    assert answer["state"]["status"] == "bad"
    assert "not-the-password" not in str(answer)
    with pytest.raises(JobFailed, match="Source 'wrong' failed"):
        dremio.query("SELECT * FROM wrong.a.b")
    dremio.http.delete("/apiv2/source/wrong").raise_for_status()
