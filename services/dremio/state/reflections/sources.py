"""What a table's Iceberg metadata says: its state now, and the rows appended since another.

Facts: the Iceberg table specification (snapshots, manifest lists, manifests, inheritance of
snapshot ids).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from services.dremio.state.catalog.catalog import Catalog, Table
from services.dremio.state.catalog.entities import Path
from services.dremio.state.database import literal
from services.dremio.state.errors import DremioError
from services.dremio.state.lake.metadata import Address
from services.dremio.state.lake.source import Place
from services.dremio.state.reflections.materialization import Source

_DATA, _DELETED = 0, 2


@dataclass(frozen=True)
class Now:
    """A table's state as just read, with the document it was read from."""

    source: Source
    table: Table
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Tail:
    """Data files appended between two snapshots, and how many rows they hold."""

    files: tuple[str, ...]
    rows: int


def read(catalog: Catalog, path: Path) -> Now | None:
    """Return the table's state now, None when there is no such table. Raises DremioError."""
    return read_all(catalog, [path])[0]


def read_all(catalog: Catalog, paths: Sequence[Path]) -> list[Now | None]:
    """Return several tables' states, read at the same time. Raises DremioError."""
    return ask_all(catalog, paths)()


def ask_all(catalog: Catalog, paths: Sequence[Path]) -> Callable[[], list[Now | None]]:
    """Ask for tables' states; return what waits for them. That must be called, once.

    Both raise DremioError.
    """
    targets = [catalog.target(path, must=False) for path in paths]
    by_lake: dict[str, list[Table]] = {}
    for table in targets:
        if table is not None:
            by_lake.setdefault(table.source.id, []).append(table)
    asked = [(tables, tables[0].lake.rest.ask(_addresses(tables))) for tables in by_lake.values()]

    def answer() -> list[Now | None]:
        found: dict[tuple[str, Place], dict[str, Any] | None] = {}
        failure: DremioError | None = None
        for tables, documents in asked:
            try:
                for table, metadata in zip(tables, documents(), strict=True):
                    found[(table.source.id, table.place)] = metadata
            except DremioError as error:
                failure = error
        if failure is not None:
            raise failure
        return [
            None if table is None else _now(table, found[(table.source.id, table.place)])
            for table in targets
        ]

    return answer


def _addresses(tables: list[Table]) -> list[Address]:
    places = [table.place for table in tables]
    return [(place.bucket, place.namespace, place.table) for place in places]


def _now(table: Table, metadata: dict[str, Any] | None) -> Now | None:
    if metadata is None:
        return None
    snapshot = metadata.get("current-snapshot-id")
    source = Source(
        path=table.path,
        table=f"{metadata['table-uuid']}",
        snapshot=int(snapshot) if snapshot and snapshot > 0 else 0,
        schema=int(metadata.get("current-schema-id") or 0),
        source_tag=table.source.tag,
    )
    return Now(source, table, metadata)


def appended(
    cursor: duckdb.DuckDBPyConnection, before: Source, now: Now
) -> tuple[Tail | None, str]:
    """Return the data files that were added since `before`, or None and why that is unknown.

    None unless every snapshot since then is an append that removed and deleted nothing.
    """
    if not before.same_table(now.source):
        return None, "the table was replaced or its columns changed"
    chain, why = _between(before, now)
    if chain is None:
        return None, why
    if not chain:
        return Tail((), 0), ""
    added = {int(s["snapshot-id"]) for s in chain}
    newest = chain[-1]
    files: list[str] = []
    rows = 0
    manifests = cursor.execute(
        "SELECT manifest_path, content, added_snapshot_id "  # noqa: S608 - a literal
        f"FROM read_avro({literal(newest['manifest-list'])})"
    ).fetchall()
    for path, content, snapshot in manifests:
        if int(snapshot) not in added:
            continue
        if content != _DATA:
            return None, "rows were deleted since"
        entries = cursor.execute(
            f"SELECT status, snapshot_id, data_file FROM read_avro({literal(path)})"  # noqa: S608
        ).fetchall()
        for status, own, data_file in entries:
            if status == _DELETED:
                return None, "data files were removed since"
            if int(own or snapshot) in added:
                files.append(data_file["file_path"])
                rows += int(data_file["record_count"])
    expected = sum(int(s["summary"]["added-records"]) for s in chain)
    if rows != expected:
        return None, f"the manifests name {rows} new rows, the snapshots {expected}"
    return Tail(tuple(files), rows), ""


def columns(metadata: dict[str, Any]) -> dict[str, int] | None:
    """Return the ids of the current schema's columns by name; None when one is nested."""
    for schema in metadata.get("schemas", []):
        if schema.get("schema-id", 0) == metadata.get("current-schema-id", 0):
            if any(not isinstance(field["type"], str) for field in schema["fields"]):
                return None
            return {field["name"].lower(): int(field["id"]) for field in schema["fields"]}
    return None


def _between(before: Source, now: Now) -> tuple[list[dict[str, Any]] | None, str]:
    """Return the snapshots after `before`, oldest first, all of them pure appends."""
    known = {int(s["snapshot-id"]): s for s in now.metadata.get("snapshots") or []}
    chain: list[dict[str, Any]] = []
    at = now.source.snapshot
    while at != before.snapshot:
        snapshot = known.get(at)
        if snapshot is None or len(chain) > 500:
            return None, "the snapshot it was built from is no longer an ancestor"
        summary = snapshot.get("summary") or {}
        if (
            summary.get("operation") != "append"
            or "added-records" not in summary
            or any(int(summary.get(name) or 0) for name in _REMOVALS)
        ):
            return None, f"a change since is no append ({summary.get('operation')})"
        if int(snapshot.get("schema-id", now.source.schema)) != now.source.schema:
            return None, "the columns changed since"
        chain.append(snapshot)
        at = int(snapshot.get("parent-snapshot-id") or 0)
        if at <= 0:
            at = 0
    chain.reverse()
    return chain, ""


def total_rows(now: Now) -> int:
    """Return how many rows a table has by its snapshot's summary, 0 when it does not tell."""
    for snapshot in now.metadata.get("snapshots") or []:
        if int(snapshot["snapshot-id"]) == now.source.snapshot:
            return int((snapshot.get("summary") or {}).get("total-records") or 0)
    return 0


def first_change_ms(before: Source, now: Now) -> int | None:
    """Return when the first snapshot after `before` was made (ms since 1970), None: unknown."""
    log = now.metadata.get("snapshot-log") or []
    for position, entry in enumerate(log[:-1]):
        if int(entry["snapshot-id"]) == before.snapshot:
            return int(log[position + 1]["timestamp-ms"])
    return None


_REMOVALS = (
    "deleted-data-files",
    "deleted-records",
    "added-delete-files",
    "added-position-deletes",
    "added-equality-deletes",
    "removed-delete-files",
)
