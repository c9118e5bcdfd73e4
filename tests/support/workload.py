"""Random transactions on two tables, the same for PostgreSQL and MariaDB."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

TABLES = ("left_one", "right_one")
# Far above all ids that are ever inserted: where rows go whose key is changed.
MOVED = 1_000_000


class Workload:
    """Makes transactions; every one of rows changes both tables.

    `types`: the database's words for (int, bigint, text, decimal, large text).
    """

    def __init__(self, seed: int, types: Sequence[str]) -> None:
        self.random = random.Random(seed)  # noqa: S311 - to be repeated, not to be a secret
        self._types = types
        self._next_id = 1
        self._added = 0
        self.columns = ["id", "v", "n", "big"]
        self._extra: dict[str, str] = {}

    def create(self) -> list[str]:
        """Return the statements that make the tables."""
        small, _, text, decimal, big = self._types
        return [
            f"CREATE TABLE {t} (id {small} PRIMARY KEY, v {text}, n {decimal}, big {big})"
            for t in TABLES
        ]

    def transactions(self, count: int, stop: threading.Event) -> Iterator[list[str]]:
        """Yield `count` transactions, or those until `stop`; rows without DDL, DDL alone.

        A transaction that was yielded has to happen: the workload goes on from it.
        """
        for _ in range(count):
            if stop.is_set():
                return
            draw = self.random.random()
            if draw < 0.04:
                yield self._alter()
            elif draw < 0.05:
                yield [f"TRUNCATE TABLE {table}" for table in TABLES]
            else:
                yield [s for _ in range(self.random.randrange(1, 4)) for s in self._rows()]

    def last(self) -> list[str]:
        """Return a transaction after which a log tells the tables' present columns."""
        return [self._insert(table) for table in TABLES]

    def _rows(self) -> list[str]:
        kinds: list[Callable[[str], str]] = [
            self._insert, self._insert, self._update, self._update, self._delete, self._move,
        ]  # fmt: skip
        return [self.random.choice(kinds)(table) for table in TABLES]

    def _insert(self, table: str) -> str:
        rows = []
        for _ in range(self.random.randrange(1, 25)):
            big = f"'{self.random.randbytes(3000).hex()}'" if self.random.random() < 0.1 else "NULL"
            price = f"{self.random.randrange(10**6) / 100:.2f}"
            text = self.random.choice(["NULL", "'ä'", "''", f"'{self.random.random()}'"])
            rows.append(f"({self._next_id}, {text}, {price}, {big})")
            self._next_id += 1
        return f"INSERT INTO {table} (id, v, n, big) VALUES {', '.join(rows)}"

    def _some(self) -> str:
        divisor = self.random.choice([3, 7, 20])
        return f"id % {divisor} = {self.random.randrange(divisor)}"

    def _update(self, table: str) -> str:
        changes = ["n = n + 0.01"]
        if self._extra and self.random.random() < 0.7:
            name = self.random.choice(list(self._extra))
            wide = self._extra[name] == self._types[1]
            changes.append(f"{name} = {self.random.randrange(2**40 if wide else 2**30)}")
        if self.random.random() < 0.3:
            changes.append(f"v = '{self.random.random()}'")
        return f"UPDATE {table} SET {', '.join(changes)} WHERE {self._some()}"

    def _delete(self, table: str) -> str:
        return f"DELETE FROM {table} WHERE {self._some()} AND id % 5 = 0"

    def _move(self, table: str) -> str:
        return f"UPDATE {table} SET id = id + {MOVED} WHERE id < {MOVED} AND {self._some()}"

    def _alter(self) -> list[str]:
        """Add a column, widen one, or drop one; in both tables."""
        small, large = self._types[:2]
        narrow = [name for name, kind in self._extra.items() if kind == small]
        draw = self.random.random()
        if narrow and draw < 0.4:
            name = self.random.choice(narrow)
            self._extra[name] = large
            return [self._widen(table, name, large) for table in TABLES]
        if len(self._extra) > 2 and draw < 0.7:
            name = self.random.choice(list(self._extra))
            del self._extra[name]
            self.columns.remove(name)
            return [f"ALTER TABLE {table} DROP COLUMN {name}" for table in TABLES]
        self._added += 1
        name = f"more{self._added}"
        self._extra[name] = small
        self.columns.append(name)
        return [f"ALTER TABLE {table} ADD COLUMN {name} {small}" for table in TABLES]

    def _widen(self, table: str, name: str, kind: str) -> str:
        if self._types[4] == "longtext":
            return f"ALTER TABLE {table} MODIFY COLUMN {name} {kind}"
        return f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind}"

    def listing(self, table: str) -> str:
        """Return the query that compares a table."""
        return f"SELECT {', '.join(self.columns)} FROM {table} ORDER BY id"


def difference(found: list[Any], wanted: list[Any]) -> str:
    """Return in words how rows (each with its key first) differ; '' where they do not."""
    if found == wanted:
        return ""
    have, want = {row[0]: row for row in found}, {row[0]: row for row in wanted}
    doubled = len(found) - len(have)
    lost, extra = want.keys() - have.keys(), have.keys() - want.keys()
    other = [k for k in want.keys() & have.keys() if have[k] != want[k]]
    shown = [(have[k], want[k]) for k in other[:3]]
    return (
        f"{len(lost)} lost {sorted(lost)[:5]}, {len(extra)} too many {sorted(extra)[:5]},"
        f" {doubled} doubled, {len(other)} other: {shown}"
    )
