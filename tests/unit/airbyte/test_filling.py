"""Values that the log leaves out are found, however often the keys of their rows change."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from services.airbyte import engine
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.log import KEPT, OP, SEQ
from services.airbyte.destination.filling import fill
from services.airbyte.destination.spool import Spooled

STREAM = ConfiguredStream(
    name="t",
    namespace=None,
    sync_mode="incremental",
    destination_sync_mode="append_dedup",
    cursor_field=None,
    primary_key=("id",),
    source_primary_key=("id",),
    known_columns=None,
    selected_columns=None,
)
NAMES = ("a", "b")
Row = tuple[str | None, str | None]
Change = tuple[int, str, list[str] | None, int, str | None, str | None]


class Table:
    """A table of a source with a log that leaves out values which did not change."""

    def __init__(self, numbers: random.Random) -> None:
        self._numbers, self._next = numbers, 0
        self.rows: dict[int, Row] = {key: self._row() for key in range(12)}
        self.log: list[Change] = []

    def _row(self) -> Row:
        self._next += 1
        return (f"a{self._next}", None if self._next % 5 == 0 else f"b{self._next}")

    def _tell(self, operation: str, key: int, row: Row, kept: tuple[str, ...] = ()) -> None:
        told = [None if n in kept else v for n, v in zip(NAMES, row, strict=True)]
        self.log.append((len(self.log), operation, list(kept) or None, key, *told))

    def change(self) -> None:
        key = self._numbers.randrange(16)
        if key not in self.rows:
            self.rows[key] = self._row()
            self._tell("U", key, self.rows[key])
            return
        kind = self._numbers.choice(("delete", "update", "move", "move"))
        before = self.rows.pop(key)
        if kind == "delete":
            self._tell("D", key, (None, None))
            return
        kept = tuple(name for name in NAMES if self._numbers.random() < 0.7)
        fresh = self._row()
        row = tuple(
            old if name in kept else new
            for name, old, new in zip(NAMES, before, fresh, strict=True)
        )
        goes = key
        if kind == "move":
            goes = self._numbers.choice([k for k in range(40) if k not in self.rows and k != key])
            self._tell("D", key, (None, None))
        self.rows[goes] = row
        self._tell("U" if goes == key else "M", goes, row, kept)


def filled(duck: duckdb.DuckDBPyConnection, before: dict[int, Row], log: list[Change]) -> set[Row]:
    """Return the rows that are there after the log, with their keys."""
    names = (SEQ, OP, KEPT, "id", *NAMES)
    kinds = (pa.int64(), pa.string(), pa.list_(pa.string()), pa.int64(), pa.string(), pa.string())
    columns = zip(*log, strict=True)
    duck.register(
        "told",
        pa.table({n: pa.array(c, k) for n, k, c in zip(names, kinds, columns, strict=True)}),
    )
    duck.execute("CREATE OR REPLACE TEMP VIEW view AS SELECT * FROM told")
    duck.execute("CREATE OR REPLACE TEMP TABLE held (id BIGINT, a VARCHAR, b VARCHAR)")
    duck.executemany("INSERT INTO held VALUES (?, ?, ?)", [(k, *row) for k, row in before.items()])
    duck.execute(
        "CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM view"
        f" QUALIFY row_number() OVER (PARTITION BY id ORDER BY {SEQ} DESC) = 1"
    )
    tracemalloc.start()
    fill(duck, "view", "chosen", Spooled(STREAM), "held")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20, "changes went through Python, where they do not spill"
    found = duck.execute(f"SELECT id, a, b FROM chosen WHERE {OP} <> 'D'").fetchall()
    duck.unregister("told")
    return set(found)


@pytest.mark.parametrize("seed", range(12))
def test_rows_are_whole_after_any_changes(tmp_path: Path, seed: int) -> None:
    table = Table(random.Random(seed))  # noqa: S311 - any will do
    before = dict(table.rows)
    for _ in range(80):
        table.change()
    touched = {change[3] for change in table.log}
    wanted = {(key, *row) for key, row in table.rows.items() if key in touched}
    assert filled(engine.connect(tmp_path), before, table.log) == wanted


def test_a_key_may_change_any_number_of_times(tmp_path: Path) -> None:
    times = 20_000
    log: list[Change] = []
    for key in range(times):
        log.append((2 * key, "D", None, key, None, None))
        log.append((2 * key + 1, "M", ["a", "b"] if key else ["a"], key + 1, None, "b"))
    log[3::2] = [(*change[:5], None) for change in log[3::2]]
    found = filled(engine.connect(tmp_path), {0: ("a", "old")}, log)
    assert found == {(times, "a", "b")}
