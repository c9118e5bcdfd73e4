"""Results kept for the same statement on the same state of its tables.

A result is found again only by everything it was made of: the statement with all views,
functions and policies put in place, the user and their rights, and the whole metadata document
of every table. Iceberg writes a new document with every change, also with a rollback, so a
document that is the same before a query and after it is the one the query read. What has no
such document (files, databases, system tables) and what changes by itself is never kept.

Looking at the documents costs a request for each table. So a statement is looked for only when
the same text took long before.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING

import duckdb
import orjson
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.reflections.determinism import volatile
from services.dremio.state.errors import DremioError

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run

# A statement that was quicker than this is run again rather than looked for.
SLOW_SECONDS = 0.02
_TEXTS = 2000
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_CLOCK = frozenset({
    "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
    "get_current_time", "get_current_timestamp", "tablesample",
})  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A statement that may be answered from the cache, or kept in it."""

    key: str
    state: str


class ResultCache:
    """Results in files of one folder, the longest unused removed first. For many threads."""

    def __init__(self, folder: File, most_bytes: int, database: duckdb.DuckDBPyConnection) -> None:
        self._folder = folder
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, int] = OrderedDict()
        self._slow: OrderedDict[str, None] = OrderedDict()
        self._database = database
        self._changing: frozenset[str] | None = None
        self._count = 0
        if most_bytes:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob("*.arrow*"):
                left.unlink()

    def took(self, run: Run, seconds: float) -> None:
        """Note a statement that took long: it is worth looking for from now on."""
        if not self._most or seconds < SLOW_SECONDS:
            return
        with self._lock:
            self._slow[_text(run)] = None
            self._slow.move_to_end(_text(run))
            if len(self._slow) > _TEXTS:
                self._slow.popitem(last=False)

    def wanted(self, run: Run, resolved: exp.Expression) -> Wanted | None:
        """Return what a resolved query is kept under, None when it is not to be kept."""
        if not self._most or _text(run) not in self._slow:
            return None
        if run.registered or volatile(resolved):
            return None
        sql = run.translate(resolved.copy())
        if not self._changing_names().isdisjoint(_WORD.findall(sql.lower())):
            return None
        state = self._state(run)
        if state is None:
            return None
        made_of = (
            sql,
            run.session.user.id,
            str(run.core.access.version),
            orjson.dumps(run.session.options, option=orjson.OPT_SORT_KEYS).decode(),
            state,
        )
        return Wanted(hashlib.sha256("\0".join(made_of).encode()).hexdigest(), state)

    def read(self, wanted: Wanted) -> tuple[pa.Schema, Iterator[pa.RecordBatch]] | None:
        """Return a kept result."""
        with self._lock:
            if wanted.key not in self._kept:
                return None
            self._kept.move_to_end(wanted.key)
            try:
                reader = pa.ipc.open_file(pa.memory_map(str(self._path(wanted.key))))
            except OSError:
                del self._kept[wanted.key]
                return None
        return reader.schema, (reader.get_batch(at) for at in range(reader.num_record_batches))

    def keep(
        self, run: Run, wanted: Wanted, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches and keep them when they all came and the tables are as before."""
        with self._lock:
            self._count += 1
            part = self._folder / f"{wanted.key}.arrow.{self._count}"
        size, whole = 0, False
        try:
            with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
                for batch in batches:
                    size += batch.nbytes
                    if size <= self._most // 8:
                        out.write_batch(batch)
                    yield batch
                whole = size <= self._most // 8
            if whole and self._state(run) == wanted.state:
                self._add(wanted.key, part, size)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def _add(self, key: str, part: File, size: int) -> None:
        with self._lock:
            part.rename(self._path(key))
            self._kept[key] = size
            self._kept.move_to_end(key)
            while sum(self._kept.values()) > self._most:
                oldest, _ = self._kept.popitem(last=False)
                self._path(oldest).unlink(missing_ok=True)

    def _state(self, run: Run) -> str | None:
        """Return the state of every table the query reads, None where one has no document."""
        digest = hashlib.sha256()
        tables = 0
        for path in run.reads:
            entity = run.core.entities.get(path)
            if entity is not None and entity.kind == "VIEW":
                continue
            try:
                table = run.core.catalog.table(path)
                if table is None:
                    return None
                place = table.place
                document = table.metadata()
            except DremioError:
                return None
            if document is None:
                return None
            digest.update(orjson.dumps([place.bucket, place.namespace, place.table, document]))
            tables += 1
        return digest.hexdigest() if tables else None

    def _changing_names(self) -> frozenset[str]:
        """Return the functions of DuckDB's, and our macros on them, whose answer changes."""
        if self._changing is None:
            cursor = self._database.cursor()
            try:
                found = cursor.execute(
                    "SELECT lower(function_name), stability, coalesce(macro_definition, '') "
                    "FROM duckdb_functions()"
                ).fetchall()
            finally:
                cursor.close()
            names = set(_CLOCK)
            names |= {name for name, kind, _ in found if kind and kind != "CONSISTENT"}
            grown = True
            while grown:
                more = {
                    name
                    for name, _, text in found
                    if text and not names.isdisjoint(_WORD.findall(text.lower()))
                }
                grown = not more <= names
                names |= more
            self._changing = frozenset(names)
        return self._changing

    def _path(self, key: str) -> File:
        return self._folder / f"{key}.arrow"


def _text(run: Run) -> str:
    return "\0".join((run.text, run.session.user.id, *run.session.context))
