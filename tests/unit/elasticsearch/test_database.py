"""How rows come into the engine's file, and how they lie there."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from services.elasticsearch.state.database import Database
from services.elasticsearch.state.documents.parameters import Parameters


def _database(path: Path) -> Database:
    return Database(path, memory_limit="96MB", threads=1)


def test_a_checkpoint_puts_no_large_row_groups_together(tmp_path: Path) -> None:
    database = _database(tmp_path / "store.duckdb")
    with database.writing() as cursor:
        cursor.execute("CREATE TABLE t (n BIGINT)")
    for _ in range(5):
        with database.writing() as cursor:
            cursor.execute("INSERT INTO t SELECT range FROM range(90_000)")
        database.rows("CHECKPOINT")
    sizes = database.rows(
        "SELECT sum(count) FROM pragma_storage_info('t') "
        "WHERE segment_type = 'BIGINT' GROUP BY row_group_id"
    )
    database.close()
    assert sum(size for (size,) in sizes) == 450_000
    assert max(size for (size,) in sizes) <= 24_576


def test_a_file_that_duckdb_made_with_its_own_row_groups_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "it's a store.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS n FROM range(200_000)")
    database = _database(path)
    with database.writing() as cursor:
        cursor.execute("INSERT INTO t SELECT range FROM range(100_000)")
    database.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(300_000,)]


@pytest.mark.parametrize("texts", [[], ["one"], ['a "b"', "\\", "ü\n", None]])
def test_columns_arrive_as_they_were(tmp_path: Path, texts: list[str | None]) -> None:
    database, given = _database(tmp_path / "store.duckdb"), Parameters()
    columns = [
        given.array(texts, "VARCHAR"),
        given.array([[n, n] for n in range(len(texts))], '["BIGINT"]'),
    ]
    sql = f"SELECT {', '.join(columns)} FROM {given.relation}"
    with database.writing() as cursor:
        found = cursor.execute(sql, given.values).fetchall()
        # What DuckDB computes while it plans it computes value by value: it must not be able to.
        [(_, plan)] = cursor.execute(f"EXPLAIN {sql}", given.values).fetchall()
    database.close()
    assert found == [(text, [n, n]) for n, text in enumerate(texts)]
    assert "COLUMN_DATA_SCAN" in plan  # a relation; of constants it would be a DUMMY_SCAN
