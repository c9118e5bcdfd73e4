"""CREATE TABLE and CREATE TABLE AS, with CREATE OR REPLACE as one visible change."""

from __future__ import annotations

import secrets

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.statements import CreateTable, PartitionField
from services.dremio.state import types
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import unsupported, validation
from services.dremio.state.execute.run import Result, Run, ok, rows
from services.dremio.state.execute.transaction import retried, transaction

# What Dremio's writers report, one row per file written (RecordWriter in Dremio's source).
WRITER_SCHEMA = pa.schema(
    [
        ("Fragment", pa.string()),
        ("Records", pa.int64()),
        ("Path", pa.string()),
        ("Metadata", pa.binary()),
        ("Partition", pa.int32()),
        ("FileSize", pa.int64()),
        ("IcebergMetadata", pa.binary()),
        ("fileschema", pa.binary()),
        ("PartitionData", pa.list_(pa.binary())),
    ]
)
_CODECS = {"gold": "zstd"}
_DEFAULT_CODEC = "snappy"


def create_table(run: Run, statement: CreateTable) -> Result:
    """Create a table; AS a query fills it in the same commit. Raises DremioError."""
    if statement.format != "iceberg":
        raise unsupported(f"STORE AS (type => '{statement.format}'): only iceberg is written here")
    path = run.new_path(statement.path)
    table = run.core.catalog.target(path)
    assert table is not None  # noqa: S101 - target(must=True) raises instead
    with run.core.writing(table.path):
        exists = table.lake.exists(table.place)
        dotted = ".".join(table.path)
        if exists and statement.if_not_exists:
            return ok(f"Table [{dotted}] already exists.")
        if exists and not statement.replace:
            raise validation(f"A table or view with given name [{dotted}] already exists.")
        if statement.query is None:
            definition = _columns(statement)
            retried(run, lambda: _write(run, table, statement, definition, exists))
            return ok("Table created")
        body = _body(run, statement)
        count = retried(run, lambda: _write(run, table, statement, body, exists))
    return rows(WRITER_SCHEMA, [{"Fragment": "0_0", "Records": count, "Path": dotted}])


def _columns(statement: CreateTable) -> str:
    parts = []
    for column in statement.columns:
        kind = column.args["kind"].sql("duckdb")
        required = any(isinstance(c.kind, exp.NotNullColumnConstraint) for c in column.constraints)
        parts.append(f"{quoted(column.name)} {kind}{' NOT NULL' if required else ''}")
    return f"({', '.join(parts)})"


def _body(run: Run, statement: CreateTable) -> str:
    assert statement.query is not None  # noqa: S101 - the caller has looked
    sql = fitted(run, run.sql(statement.query))
    if statement.columns:
        sql = _declared(run, sql, statement.columns)
    if statement.sort:
        order = ", ".join(quoted(column) for column in statement.sort)
        sql = f"SELECT * FROM ({sql}) AS q ORDER BY {order}"  # noqa: S608 - quoted
    return f"AS {sql}"


def _declared(run: Run, sql: str, columns: list[exp.ColumnDef]) -> str:
    """Return the query with its columns named and typed as the statement lists them."""
    found = run.cursor.sql(sql).columns
    if len(found) != len(columns):
        raise validation(f"CREATE TABLE lists {len(columns)} columns, its query has {len(found)}")
    outputs = ", ".join(
        f"CAST({quoted(name)} AS {column.args['kind'].sql('duckdb')}) AS {quoted(column.name)}"
        for name, column in zip(found, columns, strict=True)
    )
    return f"SELECT {outputs} FROM ({sql}) AS q"  # noqa: S608 - quoted


def fitted(run: Run, sql: str) -> str:
    """Return the query with every column cast to a type that Dremio's tables can have."""
    relation = run.cursor.sql(sql)
    names, changed, outputs = set(), False, []
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if name.lower() in names:
            raise validation(f"Column [{name}] specified multiple times.")
        names.add(name.lower())
        wanted = types.to_duckdb(types.from_duckdb(kind))
        if wanted == "INTERVAL":
            raise unsupported(f"Column '{name}': a table cannot hold INTERVAL values")
        if wanted == str(kind):
            outputs.append(quoted(name))
        else:
            changed = True
            outputs.append(f"CAST({quoted(name)} AS {wanted}) AS {quoted(name)}")
    outputs_sql = ", ".join(outputs)
    return f"SELECT {outputs_sql} FROM ({sql}) AS q" if changed else sql  # noqa: S608 - quoted


def _write(run: Run, table: Table, statement: CreateTable, body: str, exists: bool) -> int:
    place = table.place
    database = run.core.lakes.database(table.lake, place)
    table.lake.rest.create_namespace(place.bucket, place.namespace)
    prefix = f"{quoted(database)}.{quoted(place.schema)}."
    final = prefix + quoted(place.table)
    layout = _partitioning(statement.partition)
    codec = _CODECS.get(place.bucket, _DEFAULT_CODEC)
    properties = f" WITH ('write.parquet.compression-codec'={literal(codec)})"
    try:
        if not exists:
            return _filled(run, f"CREATE TABLE {final} {_parts(body, layout, properties)}")
        # The new rows are written beside the old ones; the swap is one transaction.
        fresh = f"{place.table}_new_{secrets.token_hex(4)}"
        count = _filled(
            run, f"CREATE TABLE {prefix}{quoted(fresh)} {_parts(body, layout, properties)}"
        )
        run.execute(f"DROP TABLE {final}")
        run.execute(f"ALTER TABLE {prefix}{quoted(fresh)} RENAME TO {quoted(place.table)}")
        return count
    finally:
        table.lake.changed()


def _parts(body: str, layout: str, properties: str) -> str:
    if body.startswith("AS "):
        return f"{layout}{properties} {body}"
    return f"{body}{layout}{properties}"


def _filled(run: Run, sql: str) -> int:
    with transaction(run):
        found = run.execute(sql).fetchall()
    return int(found[0][0]) if found else 0


def _partitioning(fields: list[PartitionField]) -> str:
    if not fields:
        return ""
    parts = []
    for field in fields:
        column = quoted(field.column)
        if field.transform == "identity":
            parts.append(column)
        elif field.argument is not None:
            parts.append(f"{field.transform}({field.argument}, {column})")
        else:
            parts.append(f"{field.transform}({column})")
    return f" PARTITIONED BY ({', '.join(parts)})"
