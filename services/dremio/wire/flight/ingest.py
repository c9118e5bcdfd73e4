"""Bulk ingestion (CommandStatementIngest): rows of a client's into a table, in one commit.

The rows are laid down on disk first: a client that fails on the way has changed nothing, a commit
that lost a race can be tried again, and no more than a batch is in memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path as Folder
from typing import Any

import pyarrow as pa

from services.dremio.sql.statements import Path
from services.dremio.sql.tokens import Reader, tokenize
from services.dremio.state.database import quoted
from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError, ErrorKind, unsupported, validation
from services.dremio.state.execute.run import PROVIDED
from services.dremio.state.session import Session

# TableDefinitionOptions
_CREATE = 1
_FAIL, _APPEND, _REPLACE = 1, 2, 3
_ROWS = f'"{PROVIDED}"'


def ingest(
    engine: Engine, session: Session, message: Any, reader: Any, gone: Callable[[], bool]
) -> int:
    """Write a stream into the table that the message names; return how many rows.

    `gone`: whether the client has broken off the call: Flight shows it as the end of the rows.
    Raises DremioError.
    """
    if message.temporary:
        raise unsupported("temporary tables: not offered by Dremio")
    if message.transaction_id:
        raise unsupported("transactions: not offered by Dremio")
    schema = pa.schema([pa.field(f.name, _storable(f.type), f.nullable) for f in reader.schema])
    if not schema.names:
        raise validation("the rows have no columns")
    # The engine's own folder; the file has no name and is gone with the process.
    with tempfile.TemporaryFile(dir=Folder.cwd()) as file:
        count = 0
        with pa.ipc.new_file(pa.PythonFile(file, "wb"), schema) as out:
            for chunk in reader:
                if chunk.data is not None:
                    table = pa.Table.from_batches([chunk.data]).cast(schema)
                    out.write_table(table)
                    count += table.num_rows
        file.flush()
        with pa.memory_map(f"/proc/self/fd/{file.fileno()}") as mapped:
            rows = pa.ipc.open_file(mapped).read_all()
            for sql in _statements(_target(message), schema, message.table_definition_options):
                if gone():
                    raise DremioError(ErrorKind.CANCELED, "the client broke off")
                engine.execute(session, sql, rows=rows).table()
    return count


def _target(message: Any) -> str:
    path: Path = (message.table,)
    if message.schema:
        reader = Reader(message.schema, tokenize(message.schema))
        path = (*reader.path(), message.table)
        reader.end()
    return ".".join(quoted(part) for part in path)


def _statements(target: str, schema: pa.Schema, options: Any) -> list[str]:
    columns = ", ".join(quoted(name) for name in schema.names)
    rows = f"SELECT {columns} FROM {_ROWS}"  # noqa: S608 - quoted
    create = f"TABLE {target} AS {rows}"
    insert = f"INSERT INTO {target} ({columns}) {rows}"
    makes = options.if_not_exist == _CREATE
    if options.if_exists == _APPEND:
        empty = f"CREATE TABLE IF NOT EXISTS {target} AS {rows} WHERE FALSE"
        return [empty, insert] if makes else [insert]
    if makes and options.if_exists == _REPLACE:
        return [f"CREATE OR REPLACE {create}"]
    if makes and options.if_exists in (0, _FAIL):
        return [f"CREATE {create}"]
    raise validation("table_definition_options: neither creates a table nor appends to one")


def _storable(kind: pa.DataType) -> pa.DataType:
    """Return the type that tables keep a type of Arrow's as."""
    if pa.types.is_dictionary(kind):
        return _storable(kind.value_type)
    if kind in (pa.int8(), pa.int16(), pa.uint8(), pa.uint16()):
        return pa.int32()
    if kind == pa.uint32():
        return pa.int64()
    if kind == pa.uint64():
        return pa.decimal128(20, 0)
    if kind == pa.float16():
        return pa.float32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return kind
