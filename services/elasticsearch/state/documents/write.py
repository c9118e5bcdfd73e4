"""Writing documents: any number of operations on any indices, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import orjson

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.catalog import Index
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.documents.append import Appended, NewDocuments
from services.elasticsearch.state.documents.operations import (
    Operation,
    Stored,
    check_expected,
    check_timestamp,
    new_id,
)
from services.elasticsearch.state.documents.parameters import Parameters
from services.elasticsearch.state.documents.update import updated
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.mapping.fields import Mapping
from services.elasticsearch.state.mapping.rows import Row, RowBuilder

_KEPT = ("_id", "_seq", "_version", "_routing", "_source")
_KEPT_TYPES = ("VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR")
_IDS = "SELECT unnest(from_json(ids::JSON, '[\"VARCHAR\"]')) FROM (VALUES ({})) AS given(ids)"
_SHARDS = {"total": 1, "successful": 1, "failed": 0}

Result = dict[str, Any]


@dataclass
class _Batch:
    """What one index gets of a bulk request."""

    index: Index
    builder: RowBuilder
    operations: list[tuple[int, Operation]] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)

    def follow_columns(self) -> None:
        """Move the values of fields that have become lists to their new columns."""
        before, after = self.builder.mapping.fields, self.index.mapping.fields
        moved = [(before[path].column, after[path].column) for path in self.builder.multi]
        for row in self.rows.values():
            for old, new in moved:
                if old in row:
                    row[new] = row.pop(old)


class Writer:
    """Applies operations; `target_of` finds (or makes) the index that a name is written to."""

    def __init__(
        self, database: Database, indices: Indices, target_of: Callable[[Operation], Index]
    ) -> None:
        self._database, self._indices, self._target_of = database, indices, target_of
        self._next_seq: dict[str, int] = {}

    def apply(self, operations: list[Operation]) -> list[Result | RequestError]:
        """Apply all; return for each its result, or the error that it alone failed with.

        What is returned as done is committed.
        """
        results: list[Result | RequestError] = [{}] * len(operations)
        with self._database.exclusive():
            batches: dict[str, _Batch] = {}
            targets: dict[tuple[str, str, bool], Index] = {}
            for position, operation in enumerate(operations):
                key = (operation.target, operation.action, operation.require_alias)
                try:
                    if key not in targets:
                        targets[key] = self._target_of(operation)
                except RequestError as error:
                    results[position] = error
                    continue
                index = targets[key]
                if index.name not in batches:
                    batches[index.name] = _Batch(index, RowBuilder(index.mapping))
                batches[index.name].operations.append((position, operation))
            for batch in batches.values():
                self._prepare(batch, results)
                builder = batch.builder
                if builder.multi or builder.mapping is not batch.index.mapping:
                    batch.index = self._indices.grow(batch.index, builder.mapping, builder.multi)
                    batch.follow_columns()
            changed = [b for b in batches.values() if b.rows or b.replaced]
            if changed:
                try:
                    with self._database.writing() as cursor:
                        for batch in changed:
                            self._write(cursor, batch)
                except BaseException:
                    self._next_seq.clear()
                    raise
        return results

    def append(self, new: NewDocuments) -> list[Appended] | None:
        """Store documents that need nothing special, at once; return what each index got.

        None: some document does (nothing was written, but indices may have been made); `apply`
        knows what.
        """
        # The longest part first, without keeping other writers out.
        parts = self._parts(new)
        if parts is None:
            return None
        new.documents.clear()  # several times their text, and all in the columns now
        with self._database.exclusive():
            for part in parts:
                if self._indices.current(part.index.name) is not part.index:
                    return None  # changed or dropped meanwhile
                if not new.ids_are_new and current_documents(
                    self._database, part.index, set(part.ids), with_source=False
                ):
                    return None
            try:
                with self._database.writing() as cursor:
                    for part in parts:
                        part.first_seq = self._sequence(part.index.table)
                        part.write(cursor)
                        self._next_seq[part.index.table] += len(part.ids)
            except BaseException:
                self._next_seq.clear()
                raise
        return parts

    def _parts(self, new: NewDocuments) -> list[Appended] | None:
        groups: dict[tuple[str, str], list[int]] = {target: [] for target in set(new.targets)}
        for position, target in enumerate(new.targets):
            groups[target].append(position)
        parts: dict[str, Appended] = {}
        with self._database.exclusive():
            for (action, name), positions in groups.items():
                try:
                    index = self._target_of(Operation(action, name))
                except RequestError:
                    return None
                parts.setdefault(index.name, Appended(index)).positions += positions
        for part in parts.values():
            part.take(new)
        filled = all(part.fill_columns() for part in parts.values())
        return list(parts.values()) if filled else None

    def _prepare(self, batch: _Batch, results: list[Result | RequestError]) -> None:
        current = self._current(batch)
        table = batch.index.table
        seq = self._sequence(table)
        for position, operation in batch.operations:
            if operation.id is None:
                operation.id = new_id()
            try:
                result = self._one(batch, operation, current, seq)
            except RequestError as error:
                results[position] = error
                continue
            if result["result"] not in ("noop", "not_found"):
                seq += 1
            results[position] = result
        self._next_seq[table] = seq

    def _one(
        self, batch: _Batch, operation: Operation, current: dict[str, Stored], seq: int
    ) -> Result:
        identifier, index = operation.id or "", batch.index
        before = current.get(identifier)
        check_expected(operation, before, index.name, index.uuid)
        outcome, text, document = _outcome(operation, before, index)
        version = before.version + 1 if before else 1
        if outcome in ("created", "updated") and index.data_stream:
            check_timestamp(document)
        if outcome in ("created", "updated"):
            row = batch.builder.build(document)
            row["_id"], row["_seq"], row["_version"], row["_source"] = (
                identifier,
                seq,
                version,
                text,
            )
            if operation.routing is not None:
                row["_routing"] = operation.routing
            if before is not None:
                batch.replaced.add(identifier)
            batch.rows[identifier] = row
            current[identifier] = Stored(version, seq, text)
        elif outcome == "deleted":
            batch.replaced.add(identifier)
            batch.rows.pop(identifier, None)
            del current[identifier]
        elif outcome == "noop" and before is not None:
            version, seq = before.version, before.seq
        return {
            "_index": index.name,
            "_id": identifier,
            "_version": version,
            "result": outcome,
            "_shards": {"total": 0, "successful": 0, "failed": 0} if outcome == "noop" else _SHARDS,
            "_seq_no": seq,
            "_primary_term": 1,
        }

    def _current(self, batch: _Batch) -> dict[str, Stored]:
        """Look up the documents that the batch may replace (new ids replace nothing)."""
        wanted = {o.id for _, o in batch.operations if o.id is not None}
        if not wanted:
            return {}
        with_source = any(o.action == "update" for _, o in batch.operations)
        return current_documents(self._database, batch.index, wanted, with_source=with_source)

    def _sequence(self, table: str) -> int:
        if table not in self._next_seq:
            found = self._database.rows(f"SELECT coalesce(max(_seq) + 1, 0) FROM {table}")
            self._next_seq[table] = int(found[0][0])
        return self._next_seq[table]

    def _write(self, cursor: duckdb.DuckDBPyConnection, batch: _Batch) -> None:
        table = batch.index.table
        if batch.replaced:
            cursor.execute(
                f"DELETE FROM {table} WHERE _id IN ({_IDS.format('?')})",
                [orjson.dumps(list(batch.replaced)).decode()],
            )
        if batch.rows:
            insert(cursor, table, batch.index.mapping, list(batch.rows.values()))


def insert(
    cursor: duckdb.DuckDBPyConnection, table: str, mapping: Mapping, rows: list[Row]
) -> None:
    """Append rows."""
    used = {column for row in rows for column in row}
    given = Parameters()
    selected = {
        name: given.array([row.get(name) for row in rows], kind)
        for name, kind in zip(_KEPT, _KEPT_TYPES, strict=True)
        if name in used
    }
    for field_ in mapping.fields.values():
        column = field_.column
        if column not in used:
            continue
        found = [row.get(column) for row in rows]
        kind = field_.type.column
        if field_.multi:
            found = [v if v is None or isinstance(v, list) else [v] for v in found]
            kind = f'["{kind}"]'
        selected[column] = given.array(found, kind)
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(selected)}) "
        f"SELECT {', '.join(selected.values())} FROM {given.relation}",
        given.values,
    )


def current_documents(
    database: Database, index: Index, wanted: set[str], *, with_source: bool
) -> dict[str, Stored]:
    """Return those of the documents that exist, by id."""
    source = "_source" if with_source else "''"
    sql = f"SELECT _id, _version, _seq, {source} FROM {index.table} WHERE _id "
    if len(wanted) == 1:
        rows = database.rows(sql + "= $p1", {"p1": next(iter(wanted))})
    else:
        ids = orjson.dumps(list(wanted)).decode()
        rows = database.rows(f"{sql} IN ({_IDS.format('$p1')})", {"p1": ids})
    return {row[0]: Stored(row[1], row[2], row[3]) for row in rows}


def _outcome(
    operation: Operation, before: Stored | None, index: Index
) -> tuple[str, str, dict[str, Any]]:
    """Return what happens, with the new source as text and parsed."""
    if operation.action == "delete":
        return ("deleted" if before else "not_found"), "", {}
    if operation.action == "update":
        result, source = updated(
            operation.document, before, index.name, operation.id or "", index.uuid
        )
        if source is None or result == "deleted" or result == "noop":
            return result, "", {}
        return result, orjson.dumps(source).decode(), source
    return ("updated" if before else "created"), operation.text, operation.document
