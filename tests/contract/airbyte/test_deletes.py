"""Changed rows of a file that stays are deleted by their positions, for every reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from services.airbyte.destination.deletes import (
    MERGE_ON_READ,
    MODE,
    Deletion,
    LiveFile,
    RowDelta,
)
from tests.contract.airbyte.client import Airbyte, bronze_table, rows

DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "cursorField": ["at"]}
NAMES = ("file_path", "pos", "filename")
ROWS = 1000


class Source:
    """A table whose columns have names that delete files and DuckDB's reader have, too."""

    def __init__(self, airbyte: Airbyte) -> None:
        self.airbyte = airbyte
        with airbyte.shop() as db:
            db.execute(
                "CREATE TABLE placed (file_path text PRIMARY KEY, pos int, filename text,"
                " at timestamptz DEFAULT clock_timestamp());"
                "INSERT INTO placed SELECT 'row ' || n, n, 'file'"
                f" FROM generate_series(1, {ROWS}) AS n"
            )
        source = airbyte.source(airbyte.postgres_config())
        self.connection = airbyte.connect(source, "deletes", {"placed": DEDUP})
        airbyte.sync(self.connection)
        with self.table().transaction() as change:
            change.set_properties({MODE: MERGE_ON_READ})

    def table(self) -> Table:
        return bronze_table(self.airbyte.settings, "deletes", "placed")

    def change(self, condition: str) -> None:
        with self.airbyte.shop() as db:
            db.execute(
                "UPDATE placed SET filename = filename || '!', at = clock_timestamp()"
                f" WHERE {condition}"
            )
        self.airbyte.sync(self.connection)

    def places(self) -> list[tuple[int, int]]:
        """Rows and deleted rows of each data file; one delete file each at most."""
        tasks = list(self.table().scan().plan_files())
        assert all(len(task.delete_files) <= 1 for task in tasks)
        return sorted(
            (task.file.record_count, sum(file.record_count for file in task.delete_files))
            for task in tasks
        )

    def delete_files(self) -> set[str]:
        tasks = self.table().scan().plan_files()
        return {file.file_path for task in tasks for file in task.delete_files}

    def check(self) -> None:
        """Compare what DuckDB and PyIceberg read with the source."""
        listing = ", ".join(NAMES)
        with self.airbyte.shop() as db:
            there = db.execute(f"SELECT {listing} FROM placed ORDER BY pos").fetchall()
        query = f"SELECT {listing} FROM bronze.deletes.placed ORDER BY pos"
        assert rows(self.airbyte.settings, query) == there
        arrow = self.table().scan(selected_fields=NAMES).to_arrow().sort_by("pos")
        assert [tuple(row.values()) for row in arrow.select(NAMES).to_pylist()] == there


@pytest.fixture(scope="module")
def source(airbyte: Airbyte) -> Iterator[Source]:
    yield Source(airbyte)
    with airbyte.shop() as db:
        db.execute("DROP TABLE placed")


def test_a_file_stays_while_few_of_its_rows_change(source: Source) -> None:
    (data,) = source.table().scan().plan_files()
    source.change("pos <= 10")
    source.check()
    assert source.places() == [(10, 0), (ROWS, 10)]

    # Half of the ten are in the new file now; their old places stay deleted.
    source.change("pos BETWEEN 6 AND 15")
    source.check()
    assert source.places() == [(10, 0), (10, 5), (ROWS, 15)]
    summary = source.table().current_snapshot().summary  # type: ignore[union-attr]
    assert summary is not None
    assert summary["total-position-deletes"] == "20"
    assert summary["total-delete-files"] == "2"
    assert data.file.file_path in {t.file.file_path for t in source.table().scan().plan_files()}


def test_a_file_of_which_much_is_gone_is_written_anew(source: Source) -> None:
    source.change("pos > 10 AND pos <= 600")
    source.check()
    assert sum(count for count, _ in source.places()) - ROWS == sum(n for _, n in source.places())
    assert (ROWS, 605) not in source.places()
    assert all(count < ROWS for count, _ in source.places())


def test_delete_files_go_with_their_snapshots(source: Source) -> None:
    source.change("pos = 700")
    before = source.delete_files()
    with source.table().transaction() as change:
        change.set_properties(
            {
                "history.expire.max-snapshot-age-ms": "1",
                "history.expire.min-snapshots-to-keep": "1",
            }
        )
    for number in range(10):  # so many old snapshots are worth a commit of their own
        source.change(f"pos = {701 + number}")
    source.check()
    replaced = before - source.delete_files()
    assert replaced
    with source.airbyte.own_database() as db:
        expired = db.execute(
            "SELECT count(*) FROM expired_files WHERE path = ANY(%s)", (list(replaced),)
        )
        assert expired.fetchone() == (len(replaced),)


def test_a_table_that_was_changed_meanwhile_is_left_alone(source: Source) -> None:
    table = source.table()
    (first, *_) = table.scan().plan_files()
    live = LiveFile(first.file, tuple(first.delete_files))
    transaction = table.transaction()
    # What the file holds does not matter: it must not become part of the table.
    with RowDelta(transaction, {}, [], [Deletion(live, first.file)]):
        pass
    source.change("pos = 3")
    with pytest.raises(CommitFailedException):
        transaction.commit_transaction()
    source.check()


def test_clearing_a_stream_leaves_no_delete_file(source: Source) -> None:
    source.change("pos = 1")
    source.airbyte.sync(source.connection, "reset")
    assert source.places() == []
    summary = source.table().current_snapshot().summary  # type: ignore[union-attr]
    assert summary is not None
    assert summary["total-delete-files"] == "0"
    source.airbyte.sync(source.connection)
    source.check()
