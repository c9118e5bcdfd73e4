"""CREATE TABLE and CREATE TABLE AS, with CREATE OR REPLACE as one visible change."""

from __future__ import annotations

import re
import secrets

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.statements import CreateTable, PartitionField
from services.dremio.state import types
from services.dremio.state.catalog.catalog import Table
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import unsupported, validation
from services.dremio.state.execute.history_changes import set_sort_order
from services.dremio.state.execute.policies import from_the_start
from services.dremio.state.execute.run import Result, Run, ok, rows
from services.dremio.state.execute.transaction import retried, transaction
from services.dremio.state.lake.iceberg import open_table, translated

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
        exists = table.lake.exists(table.place, fresh=True)
        dotted = ".".join(table.path)
        if exists and statement.if_not_exists:
            return ok(f"Table [{dotted}] already exists.")
        if exists and not statement.replace:
            raise validation(f"A table or view with given name [{dotted}] already exists.")
        body = _columns(statement) if statement.query is None else _body(run, statement)
        schema = _shape(run, statement, body) if statement.policies else pa.schema([])
        with from_the_start(run, table.path, schema, statement.policies):
            count = retried(run, lambda: _write(run, table, statement, body, exists))
        _keep_order(table, statement)
    if statement.query is None:
        return ok("Table created")
    return rows(WRITER_SCHEMA, [{"Fragment": "0_0", "Records": count, "Path": dotted}])


def _keep_order(table: Table, statement: CreateTable) -> None:
    """Record LOCALSORT BY in the table: later writers and OPTIMIZE sort by it."""
    if statement.sort:
        with translated():
            set_sort_order(open_table(table.lake, table.place), statement.sort)


def _columns(statement: CreateTable) -> str:
    parts = []
    for column in statement.columns:
        kind = column.args["kind"].sql("duckdb")
        required = any(isinstance(c.kind, exp.NotNullColumnConstraint) for c in column.constraints)
        parts.append(f"{quoted(column.name)} {kind}{' NOT NULL' if required else ''}")
    return f"({', '.join(parts)})"


def _shape(run: Run, statement: CreateTable, body: str) -> pa.Schema:
    """Return the columns that the table is going to have."""
    if statement.query is not None:
        return run.shape(body[len("AS ") :])
    values = ", ".join(
        f"CAST(NULL AS {column.args['kind'].sql('duckdb')}) AS {quoted(column.name)}"
        for column in statement.columns
    )
    return run.shape(f"SELECT {values}")


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
    wanted = {"write.parquet.compression-codec": codec, **statement.properties}
    listed = ", ".join(f"{literal(name)}={literal(value)}" for name, value in wanted.items())
    properties = f" WITH ({listed})"
    parts = _parts(body, layout, properties)
    try:
        if not exists:
            with transaction(run):
                return _count(run, f"CREATE TABLE {final} {parts}")
        if statement.query is not None and not layout and _same_columns(run, table, body):
            return _refill(run, final, body)
        return _swap(run, table, prefix, parts)
    finally:
        table.lake.changed()
        run.core.catalog.created(table)


def _same_columns(run: Run, table: Table, body: str) -> bool:
    """Whether the query has the table's columns, and the table no partitions."""
    metadata = table.metadata()
    if metadata is None:
        return False
    default = metadata.get("default-spec-id", 0)
    specs = metadata.get("partition-specs") or []
    partitioned = any(s.get("fields") for s in specs if s.get("spec-id") == default)
    return not partitioned and types.iceberg_schema(metadata) == run.shape(body[len("AS ") :])


def _refill(run: Run, final: str, body: str) -> int:
    """Replace the rows in one commit: readers see the table before or after, never without."""
    run.execute(f"CREATE OR REPLACE TEMP TABLE _fresh {body}")
    try:
        with transaction(run):
            run.execute(f"DELETE FROM {final}")  # noqa: S608 - quoted
            return _count(run, f"INSERT INTO {final} FROM _fresh")
    finally:
        run.execute("DROP TABLE IF EXISTS _fresh")


def _swap(run: Run, table: Table, prefix: str, parts: str) -> int:
    """Write the new table beside the old one, then put it in its place."""
    name = table.place.table
    beside = re.compile(re.escape(name) + r"_new_[0-9a-f]{8}")
    for left in table.lake.tables(table.place.bucket, table.place.namespace, fresh=True):
        if beside.fullmatch(left):  # of a swap that a crash cut short
            run.execute(f"DROP TABLE {prefix}{quoted(left)}")
    fresh = f"{name}_new_{secrets.token_hex(4)}"
    with transaction(run):
        count = _count(run, f"CREATE TABLE {prefix}{quoted(fresh)} {parts}")
    if table.lake.rest.is_plain(table.place.bucket):
        table.lake.rest.replace(table.place.bucket, table.place.namespace, fresh, name)
        return count
    with transaction(run):
        run.execute(f"DROP TABLE {prefix}{quoted(name)}")
        run.execute(f"ALTER TABLE {prefix}{quoted(fresh)} RENAME TO {quoted(name)}")
    return count


def _parts(body: str, layout: str, properties: str) -> str:
    if body.startswith("AS "):
        return f"{layout}{properties} {body}"
    return f"{body}{layout}{properties}"


def _count(run: Run, sql: str) -> int:
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
