"""Bronze stays in shape by itself: small files become large ones, old snapshots go."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from services.airbyte.destination import upkeep
from services.airbyte.destination.writing import _MANY
from tests.contract.airbyte.client import Airbyte, bronze_table, rows

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["n"]}
COUNT = (
    "SELECT count(*), count(DISTINCT n), count(DISTINCT _airbyte_raw_id) "
    "FROM bronze.upkeep.small_ones"
)


@pytest.fixture(scope="module")
def connection(airbyte: Airbyte) -> str:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE small_ones AS SELECT i AS n FROM generate_series(1, 10) i")
    source = airbyte.source(airbyte.postgres_config())
    made = airbyte.connect(source, "upkeep", {"small_ones": APPEND})
    airbyte.sync(made)
    return made


def load(airbyte: Airbyte) -> Table:
    return bronze_table(airbyte.settings, "upkeep", "small_ones")


def more(airbyte: Airbyte, connection: str) -> Any:
    with airbyte.shop() as db:
        db.execute("INSERT INTO small_ones SELECT max(n) + 1 FROM small_ones")
    return airbyte.sync(connection)


def many_small_commits(table: Table) -> None:
    """What as many syncs of one row each would have left."""
    schema = table.schema().as_arrow()
    for number in range(_MANY):
        row = {"n": 1000 + number, "_airbyte_raw_id": f"small-{number}"}
        today = table.scan().to_arrow()["_airbyte_extracted_at"][0].as_py()
        row["_airbyte_extracted_at"] = today
        table.append(pa.Table.from_pylist([row], schema=schema))


def test_small_files_become_one_and_old_snapshots_go(airbyte: Airbyte, connection: str) -> None:
    table = load(airbyte)
    many_small_commits(table)
    assert len(table.inspect.files()) > _MANY
    with table.transaction() as change:
        change.set_properties(
            {
                "history.expire.max-snapshot-age-ms": "1",
                "history.expire.min-snapshots-to-keep": "1",
            }
        )
    info = more(airbyte, connection)
    expected = 11 + _MANY
    assert rows(airbyte.settings, COUNT) == [(expected, expected, expected)]
    assert info["job"]["aggregatedStats"]["recordsCommitted"] == 1, "what was rewritten is not new"
    table = load(airbyte)
    assert len(table.inspect.files()) == 2, "the small ones as one, and the new one"
    assert len(table.metadata.snapshots) == 1

    # Queries that began before still find the files; an hour later they are gone.
    with airbyte.own_database() as db:
        waiting = db.execute(
            "SELECT path FROM expired_files WHERE connection_id = %s", (connection,)
        ).fetchall()
        paths = [path for (path,) in waiting]
        assert sum(path.endswith(".parquet") for path in paths) == _MANY + 1
        assert all(table.io.new_input(path).exists() for path in paths)
        db.execute("UPDATE expired_files SET expired_at = expired_at - interval '2 hours'")
    more(airbyte, connection)
    assert not any(table.io.new_input(path).exists() for path in paths)
    expected += 1
    assert rows(airbyte.settings, COUNT) == [(expected, expected, expected)]
    with airbyte.own_database() as db:
        left = db.execute("SELECT count(*) FROM expired_files WHERE path = ANY(%s)", (paths,))
        assert left.fetchone() == (0,)


def test_without_properties_a_day_and_the_newest_are_kept(
    airbyte: Airbyte, connection: str
) -> None:
    table = load(airbyte)
    with table.transaction() as change:
        change.remove_properties(
            "history.expire.max-snapshot-age-ms", "history.expire.min-snapshots-to-keep"
        )
    for _ in range(upkeep.KEPT):
        more_rows = table.scan(limit=1).to_arrow()
        table.append(more_rows)
    now = time.time()
    metadata = load(airbyte).metadata

    def at(seconds: float) -> Any:
        return datetime.datetime.fromtimestamp(now + seconds, datetime.UTC)

    assert upkeep.expirable(metadata, at(0)) == []
    later = upkeep.expirable(metadata, at(2 * 86400))
    assert len(later) == len(metadata.snapshots) - upkeep.KEPT
    assert metadata.current_snapshot_id not in later
