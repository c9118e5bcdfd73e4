"""TABLE_SNAPSHOT and TABLE_HISTORY: what Iceberg's metadata tells of a table's past."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.statements import Path
from services.dremio.state.errors import validation
from services.dremio.state.execute.run import Run

_TIME = pa.timestamp("ms")
HISTORY = {
    "table_snapshot": pa.schema(
        [
            ("committed_at", _TIME),
            ("snapshot_id", pa.int64()),
            ("parent_id", pa.int64()),
            ("operation", pa.string()),
            ("manifest_list", pa.string()),
            ("summary", pa.map_(pa.string(), pa.string())),
        ]
    ),
    "table_history": pa.schema(
        [
            ("made_current_at", _TIME),
            ("snapshot_id", pa.int64()),
            ("parent_id", pa.int64()),
            ("is_current_ancestor", pa.bool_()),
        ]
    ),
}


def history(run: Run, function: str, path: Path) -> pa.Table:
    """Return the rows of a table function on the table at `path`. Raises DremioError."""
    table = run.core.catalog.table(path)
    if table is None:
        raise validation(f"Table '{'.'.join(path)}' not found")
    metadata = table.metadata() or {}
    snapshots: list[dict[str, Any]] = metadata.get("snapshots") or []
    parents = {s["snapshot-id"]: s.get("parent-snapshot-id") for s in snapshots}
    if function == "table_snapshot":
        values = [
            {
                "committed_at": _when(s["timestamp-ms"]),
                "snapshot_id": s["snapshot-id"],
                "parent_id": s.get("parent-snapshot-id"),
                "operation": s.get("summary", {}).get("operation"),
                "manifest_list": s.get("manifest-list"),
                "summary": list(s.get("summary", {}).items()),
            }
            for s in snapshots
        ]
    else:
        current, ancestors = metadata.get("current-snapshot-id"), set()
        while current is not None and current not in ancestors:
            ancestors.add(current)
            current = parents.get(current)
        values = [
            {
                "made_current_at": _when(entry["timestamp-ms"]),
                "snapshot_id": entry["snapshot-id"],
                "parent_id": parents.get(entry["snapshot-id"]),
                "is_current_ancestor": entry["snapshot-id"] in ancestors,
            }
            for entry in metadata.get("snapshot-log") or []
        ]
    return pa.Table.from_pylist(values, schema=HISTORY[function])


def _when(milliseconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC).replace(tzinfo=None)


def check_version(run: Run, path: Path, version: exp.Version) -> None:
    """Check that a table had rows to show at the moment a query asks for.

    Raises DremioError: DuckDB would answer with no rows where the table was not there yet.
    """
    moment = version.expression.find(exp.Literal)
    table = run.core.catalog.table(path)
    if version.name.upper() != "TIMESTAMP" or moment is None or table is None:
        return
    try:
        wanted = datetime.datetime.fromisoformat(moment.name).replace(tzinfo=datetime.UTC)
    except ValueError:
        return  # an expression: DuckDB says what is wrong with it
    metadata = table.metadata() or {}
    log = metadata.get("snapshot-log") or []
    if not any(entry["timestamp-ms"] <= wanted.timestamp() * 1000 for entry in log):
        raise validation(
            f"Table '{'.'.join(path)}' has no snapshot at or before timestamp '{moment.name}'"
        )
