"""A query's rows in MySQL's text protocol, as Arrow batches.

Facts (MySQL's client/server protocol): after the columns' definitions each row is a packet of
length-encoded texts; a first byte of 251 is null, 252, 253 and 254 say that the length stands in
the next 2, 3 or 8 bytes. A packet that begins with 254 and is short ends the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pymysql
from pymysql.constants import COMMAND

from services.airbyte.cdk.places import gather
from services.airbyte.sources.mysql.cdc.packets import CHUNK, Packets, failure
from services.airbyte.sources.mysql.cdc.rows import little

_BATCH_BYTES = 8 << 20
_END = 0xFE
_PADDING = b"\0" * 16


def read_texts(
    connection: Any, sql: str, names: Sequence[str], binary: Sequence[bool]
) -> pa.RecordBatchReader:
    """Run a query on a pymysql connection; its columns are text, or bytes where `binary` says so.

    Nothing else may be asked on the connection until all rows were read.
    """
    kinds = [pa.large_binary() if flag else pa.large_string() for flag in binary]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    connection._execute_command(COMMAND.COM_QUERY, sql)
    first = connection._read_packet()
    for _ in range(first.read_length_encoded_integer() + 1):  # the definitions, and their end
        connection._read_packet()
    return pa.RecordBatchReader.from_batches(schema, _batches(connection, schema))


def _batches(connection: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows: list[bytes] = []
    size = 0
    for row in _packets(connection):
        rows.append(row)
        size += len(row)
        if size > _BATCH_BYTES:
            yield _decode(rows, schema)
            rows, size = [], 0
    if rows:
        yield _decode(rows, schema)


def _packets(connection: Any) -> Iterator[bytes]:
    packets = Packets()
    while chunk := connection._rfile.read1(CHUNK):
        for payload in packets.cut(chunk):
            if payload[0] == _END and len(payload) < 9:
                return
            if problem := failure(payload):
                raise problem
            yield payload
    raise pymysql.OperationalError(2013, "Lost connection to the server during a query")


def _decode(rows: list[bytes], schema: pa.Schema) -> pa.RecordBatch:
    blob = b"".join([*rows, _PADDING])
    data = np.frombuffer(blob, np.uint8)
    sizes = np.fromiter(map(len, rows), np.int64, len(rows))
    at = np.cumsum(sizes) - sizes
    arrays = []
    for field in schema:
        first = data[at].astype(np.int64)
        valid = first != 251
        length, prefix = np.where(valid, first, 0), np.ones(len(rows), np.int64)
        for mark, size in ((252, 2), (253, 3), (254, 8)):
            long = np.flatnonzero(first == mark)
            if len(long):
                length[long] = little(data, at[long] + 1, size)
                prefix[long] = 1 + size
        start = at + prefix
        at = start + length
        arrays.append(gather(blob, valid, start, length, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
