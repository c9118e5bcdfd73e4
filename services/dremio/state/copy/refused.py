"""The records that COPY INTO refused, kept until their job's record goes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.core import Core
from services.dremio.state.postgres import connected

# CopyErrorsTranslatableTable of Dremio's source.
ERRORS_SCHEMA = pa.schema(
    [
        ("job_id", pa.string()),
        ("file_name", pa.string()),
        ("line_number", pa.int64()),
        ("row_number", pa.int64()),
        ("column_name", pa.string()),
        ("error", pa.string()),
    ]
)
_KEEP_DAYS = 30


@dataclass(frozen=True)
class Refusal:
    """A record that was refused: where it stands in its file, and why."""

    line: int | None
    row: int | None
    column: str | None
    error: str
    text: str | None = None


@dataclass
class Outcome:
    """What became of a file."""

    name: str
    state: str
    loaded: int
    refusals: list[Refusal] = field(default_factory=list)


def keep(
    core: Core,
    job_id: str,
    user: str,
    table: Path,
    location: str,
    snapshot: int | None,
    outcomes: list[Outcome],
) -> None:
    """Keep the files that were not loaded whole."""
    refused = [outcome for outcome in outcomes if outcome.refusals]
    if not refused:
        return
    with connected(core.pool) as connection, connection.transaction():
        cursor = connection.cursor()
        cursor.execute(
            "DELETE FROM copy_error USING copy_file f WHERE copy_error.job_id = f.job_id "
            "AND f.executed_at < now() - make_interval(days => %s)",
            (_KEEP_DAYS,),
        )
        cursor.execute(
            "DELETE FROM copy_file WHERE executed_at < now() - make_interval(days => %s)",
            (_KEEP_DAYS,),
        )
        cursor.executemany(
            "INSERT INTO copy_file (job_id, table_key, table_name, user_name, base_snapshot_id, "
            "storage_location, file_path, file_state, records_loaded, records_rejected) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    job_id,
                    key(table),
                    ".".join(table),
                    user,
                    snapshot,
                    location,
                    outcome.name,
                    outcome.state,
                    outcome.loaded,
                    len(outcome.refusals),
                )
                for outcome in refused
            ],
        )
        cursor.executemany(
            "INSERT INTO copy_error (job_id, table_key, file_name, line_number, row_number, "
            "column_name, error, line) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    job_id,
                    key(table),
                    outcome.name,
                    r.line,
                    r.row,
                    r.column,
                    _clean(r.error),
                    _clean(r.text),
                )
                for outcome in refused
                for r in outcome.refusals
            ],
        )


def errors(core: Core, table: Path, job_id: str | None) -> pa.Table:
    """Return the refused records of a job, of the table's last such job when none is named."""
    if job_id is not None:
        try:
            uuid.UUID(job_id)
        except ValueError:
            return ERRORS_SCHEMA.empty_table()
    with connected(core.pool) as connection:
        found = connection.execute(
            "SELECT job_id::text, file_name, line_number, row_number, column_name, "
            "error || coalesce(' in: ' || line, '') FROM copy_error WHERE table_key = %s "
            "AND job_id = coalesce(%s::uuid, (SELECT job_id FROM copy_file WHERE table_key = %s "
            "ORDER BY executed_at DESC LIMIT 1)) ORDER BY file_name, line_number, row_number",
            (key(table), job_id, key(table)),
        ).fetchall()
    rows = [dict(zip(ERRORS_SCHEMA.names, row, strict=True)) for row in found]
    return pa.Table.from_pylist(rows, schema=ERRORS_SCHEMA)


def history_rows(core: Core) -> list[dict[str, Any]]:
    """Return the rows of sys.copy_errors_history."""
    names = (
        "executed_at",
        "job_id",
        "table_name",
        "user_name",
        "base_snapshot_id",
        "storage_location",
        "file_path",
        "file_state",
        "records_loaded_count",
        "records_rejected_count",
    )
    with connected(core.pool) as connection:
        found = connection.execute(
            "SELECT executed_at AT TIME ZONE 'UTC', job_id::text, table_name, user_name, "
            "base_snapshot_id, storage_location, file_path, file_state, records_loaded, "
            "records_rejected FROM copy_file ORDER BY executed_at DESC, file_path"
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def _clean(text: str | None) -> str | None:
    return text.replace("\x00", "\\0") if text else text  # PostgreSQL's text holds no zero bytes
