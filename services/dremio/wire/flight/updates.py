"""DoPut: statements that change something, and parameters of prepared ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.session import Session
from services.dremio.wire.flight import messages
from services.dremio.wire.flight.ingest import ingest
from services.dremio.wire.flight.prepared import PreparedStatements

# What a server answers when it cannot tell how many rows changed.
_UNKNOWN = -1
# Parameters are bound in memory; more rows than this are for CommandStatementIngest.
_MOST_ROWS = 100_000


def update(
    engine: Engine,
    session: Session,
    prepared: PreparedStatements,
    descriptor: Any,
    reader: Any,
    writer: Any,
    gone: Callable[[], bool],
) -> None:
    """Run or bind what the descriptor names and write the protocol's answer.

    `gone`: whether the client has broken off the call. Raises DremioError.
    """
    found = messages.unwrap(descriptor.command or b"")
    name: str
    message: Any
    name, message = found or ("", None)
    match name:
        case "CommandStatementUpdate":
            _answer(writer, _run(engine, session, [message.query]))
        case "CommandStatementIngest":
            _answer(writer, ingest(engine, session, message, reader, gone))
        case "CommandPreparedStatementUpdate":
            kept = prepared.get(message.prepared_statement_handle, session.user.id)
            rows = _rows(reader)
            if rows:
                kept.rows = rows
            _answer(writer, _run(engine, session, kept.statements()))
        case "CommandPreparedStatementQuery":
            kept = prepared.get(message.prepared_statement_handle, session.user.id)
            kept.rows = _rows(reader)
            result = messages.new(
                "DoPutPreparedStatementResult",
                prepared_statement_handle=message.prepared_statement_handle,
            )
            writer.write(pa.py_buffer(result.SerializeToString()))
        case _:
            raise DremioError(
                ErrorKind.UNSUPPORTED_OPERATION, f"{name or 'uploading rows'} is not offered"
            )


def _run(engine: Engine, session: Session, statements: list[str]) -> int:
    total = 0
    for sql in statements:
        table = engine.execute(session, sql).table()
        if "Records" in table.column_names:
            total += sum(value or 0 for value in table.column("Records").to_pylist())
        else:
            total = _UNKNOWN
    return total


def _answer(writer: Any, count: int) -> None:
    result = messages.new("DoPutUpdateResult", record_count=count)
    writer.write(pa.py_buffer(result.SerializeToString()))


def _rows(reader: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for chunk in reader:
        batch = chunk.data
        if batch is None or not batch.num_columns:
            continue
        rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
        if len(rows) > _MOST_ROWS:
            raise DremioError(
                ErrorKind.UNSUPPORTED_OPERATION, f"more than {_MOST_ROWS} rows of parameters"
            )
    return rows
