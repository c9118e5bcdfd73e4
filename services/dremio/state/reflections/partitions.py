"""Which partitions of a table changed between two snapshots, and the condition that picks them.

Facts: the Iceberg table specification (manifest lists, manifests, partition transforms).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb

from services.dremio.state.database import literal, quoted
from services.dremio.state.reflections.materialization import Source
from services.dremio.state.reflections.sources import Now

_DELETED = 2
_MOST_PARTITIONS = 400
_PLAIN = {"string", "int", "long", "date", "boolean"}
_TIMES = {"date", "timestamp"}
Values = tuple[str | None, ...]


@dataclass(frozen=True)
class Field:
    """A partition field: the column it is made from (lower case), how, and the column's type."""

    column: str
    transform: str
    kind: str


@dataclass(frozen=True)
class Changed:
    """The partitions in which files were added or removed, by the values of their fields."""

    fields: tuple[Field, ...]
    values: frozenset[Values]


def changed(
    cursor: duckdb.DuckDBPyConnection, before: Source, now: Now
) -> tuple[Changed | None, str]:
    """Return what changed since `before`, or None and why that cannot be told by partitions."""
    if not before.same_table(now.source):
        return None, "the table was replaced or its columns changed"
    fields, why = _fields(now.metadata)
    if fields is None:
        return None, why
    snapshots = {int(s["snapshot-id"]): s for s in now.metadata.get("snapshots") or []}
    former, current = snapshots.get(before.snapshot), snapshots.get(now.source.snapshot)
    if former is None or current is None:
        return None, "the snapshot it was built from is no longer there"
    old, new = _manifests(cursor, former), _manifests(cursor, current)
    spec = int(now.metadata.get("default-spec-id") or 0)
    if any(own != spec for own in (*old.values(), *new.values())):
        return None, "the table's partitioning changed"
    names = [str(f["name"]) for f in _spec(now.metadata)["fields"]]
    gone = _files(cursor, [path for path in old if path not in new], names)
    come = _files(cursor, [path for path in new if path not in old], names)
    values = frozenset(partition for _, partition in gone ^ come)
    if len(values) > _MOST_PARTITIONS:
        return None, f"{len(values)} partitions changed"
    return Changed(fields, values), ""


def condition(found: Changed, column: Callable[[str], str], kinds: dict[str, str]) -> str:
    """Return DuckDB's SQL that is true for rows of the changed partitions, never NULL.

    `column`: the SQL of a table's column; `kinds`: DuckDB's types of the table's columns.
    """
    if not found.values:
        return "FALSE"
    partitions = []
    for values in sorted(found.values, key=repr):
        tests = [
            _test(field, value, column(field.column), kinds[field.column])
            for field, value in zip(found.fields, values, strict=True)
        ]
        partitions.append(" AND ".join(tests))
    return "(" + " OR ".join(f"({each})" for each in partitions) + ")"


def _test(field: Field, value: str | None, column: str, kind: str) -> str:
    if value is None:
        return f"{column} IS NULL"
    if field.transform == "identity":
        return f"{column} IS NOT DISTINCT FROM CAST({literal(value)} AS {kind})"
    first, after = _span(field.transform, value)
    low, high = f"CAST('{first}' AS {kind})", f"CAST('{after}' AS {kind})"
    return f"COALESCE({column} >= {low} AND {column} < {high}, FALSE)"


def _span(transform: str, value: str) -> tuple[datetime.date, datetime.date]:
    """Return the first day of a partition and the first after it. Raises ValueError."""
    if transform == "day":
        epoch = datetime.date(1970, 1, 1)
        if value.lstrip("-").isdigit():
            first = epoch + datetime.timedelta(int(value))
        else:
            first = datetime.date.fromisoformat(value)
        return first, first + datetime.timedelta(1)
    months = int(value) * (12 if transform == "year" else 1)
    end = months + (12 if transform == "year" else 1)
    return _month(months), _month(end)


def _month(since_1970: int) -> datetime.date:
    return datetime.date(1970 + since_1970 // 12, since_1970 % 12 + 1, 1)


def _spec(metadata: dict[str, Any]) -> dict[str, Any]:
    wanted = metadata.get("default-spec-id") or 0
    return next(s for s in metadata["partition-specs"] if s["spec-id"] == wanted)


def _fields(metadata: dict[str, Any]) -> tuple[tuple[Field, ...] | None, str]:
    columns = {
        int(field["id"]): (str(field["name"]).lower(), field["type"])
        for schema in metadata.get("schemas", [])
        if schema.get("schema-id", 0) == metadata.get("current-schema-id", 0)
        for field in schema["fields"]
    }
    made = []
    for each in _spec(metadata)["fields"]:
        name, kind = columns.get(int(each["source-id"]), ("", ""))
        transform = str(each["transform"])
        allowed = _PLAIN if transform == "identity" else _TIMES
        known = transform in ("identity", "day", "month", "year")
        if not known or not isinstance(kind, str) or kind not in allowed:
            return None, f"it is partitioned by {transform} of a column of type {kind}"
        made.append(Field(name, transform, kind))
    if not made:
        return None, "a table without partitions changed"
    return tuple(made), ""


def _manifests(cursor: duckdb.DuckDBPyConnection, snapshot: dict[str, Any]) -> dict[str, int]:
    rows = cursor.execute(
        "SELECT manifest_path, partition_spec_id "  # noqa: S608 - a literal
        f"FROM read_avro({literal(snapshot['manifest-list'])})"
    ).fetchall()
    return {path: int(spec or 0) for path, spec in rows}


def _files(
    cursor: duckdb.DuckDBPyConnection, manifests: list[str], names: list[str]
) -> set[tuple[str, Values]]:
    values = ", ".join(f"CAST(data_file.partition.{quoted(name)} AS VARCHAR)" for name in names)
    found: set[tuple[str, Values]] = set()
    for path in manifests:
        rows = cursor.execute(
            f"SELECT data_file.file_path, {values} "  # noqa: S608 - a literal, quoted names
            f"FROM read_avro({literal(path)}) WHERE status <> {_DELETED}"
        ).fetchall()
        found |= {(row[0], tuple(row[1:])) for row in rows}
    return found
