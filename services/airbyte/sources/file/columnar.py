"""Parquet as DuckDB reads it; what is nested arrives as JSON text."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file.opened import Json, Opened, described


def read(duck: duckdb.DuckDBPyConnection, path: Path, config: Json, scratch: Path) -> Opened:
    """Find out the columns. `scratch` is a folder for a copy. Raises ConnectorError."""
    target = literal(str(path))
    wide = duck.execute(
        f"SELECT name FROM parquet_schema({target})"
        " WHERE converted_type = 'DECIMAL' AND precision > 38"
    ).fetchall()
    if wide:
        target = literal(str(_as_text(path, [str(row[0]) for row in wide], config, scratch)))
    names = duck.execute(
        f"SELECT name FROM parquet_schema({target}) WHERE logical_type = 'NullType()'"
    ).fetchall()
    source = f"read_parquet({target}, hive_partitioning = false)"
    return described(duck, source, empty=[str(row[0]) for row in names])


def _as_text(path: Path, names: list[str], config: Json, scratch: Path) -> Path:
    """Copy the file with its decimals of more than 38 digits as text: DuckDB reads wrong numbers.

    Raises ConnectorError where they are in something nested.
    """
    file = pq.ParquetFile(path)
    if unknown := [name for name in names if name not in file.schema_arrow.names]:
        raise config_error(
            f"{config['url']}: the nested {', '.join(unknown)} is a decimal of more than 38 digits,"
            " which has no place in a table; write it as text"
        )
    fields = [pa.field(f.name, pa.string()) if f.name in names else f for f in file.schema_arrow]
    schema, copy = pa.schema(fields), scratch / "as-text.parquet"
    with pq.ParquetWriter(copy, schema) as writer:
        for batch in file.iter_batches():
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
    return copy
