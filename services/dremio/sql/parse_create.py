"""CREATE VIEW, TABLE, SPACE and FOLDER, with Dremio's clauses on how a table is laid out."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from services.dremio.sql.access import parse as access
from services.dremio.sql.access.policies import masked_column, row_policy
from services.dremio.sql.reflections import ddl as reflections
from services.dremio.sql.shape import as_query
from services.dremio.sql.statements import (
    CreateContainer,
    CreateTable,
    CreateView,
    PartitionField,
    Statement,
)
from services.dremio.sql.tokens import Reader, parse_tokens, tokenize
from services.dremio.state.errors import unsupported, validation

_TRANSFORMS = ("identity", "year", "month", "day", "hour", "bucket", "truncate")


def create(reader: Reader) -> Statement:
    """Read what follows CREATE. Raises DremioError."""
    replace = reader.accept("OR", "REPLACE")
    kind = reader.word()
    reader.at += 1
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    if kind in ("VIEW", "VDS"):
        return _view(reader, replace, if_not_exists)
    if kind == "TABLE":
        return _table(reader, replace, if_not_exists)
    if kind == "FUNCTION":
        from services.dremio.sql import parse_function

        return parse_function.create(reader, replace, if_not_exists)
    if kind == "REFLECTION" and not replace:
        return reflections.create(reader, if_not_exists)
    if kind == "USER" and not replace:
        return access.create_user(reader)
    if kind == "ROLE" and not replace:
        return access.create_role(reader)
    if kind in ("SPACE", "FOLDER") and not replace:
        path = reader.path()
        reader.end()
        return CreateContainer(kind, path, if_not_exists)
    raise unsupported(f"CREATE {kind} is not supported by this edition")


def _view(reader: Reader, replace: bool, if_not_exists: bool) -> Statement:
    path = reader.path()
    columns, policies = [], []
    for item in reader.group() if reader.word() == "(" else ():
        column, mask = masked_column(item, reader, path)
        columns.append(column[0].text)
        policies.append(mask)
    policies.append(row_policy(reader, path))
    reader.expect("AS")
    text = reader.text()
    query = _query(reader)
    found = [policy for policy in policies if policy is not None]
    return CreateView(path, query, text, replace, if_not_exists, tuple(columns), list(found))


def _table(reader: Reader, replace: bool, if_not_exists: bool) -> Statement:
    table = CreateTable(reader.path(), replace=replace, if_not_exists=if_not_exists)
    if reader.word() == "(":
        for item in reader.group(types=True):
            column, mask = masked_column(item, reader, table.path)
            table.columns.append(column_definition(column, reader))
            if mask is not None:
                table.policies.append(mask)
    while not reader.done and _clause(reader, table):
        pass
    if reader.accept("AS"):
        table.query = _query(reader)
    else:
        reader.end()
        if not table.columns:
            raise reader.error("expected columns or AS")
    return table


def _clause(reader: Reader, table: CreateTable) -> bool:
    """Read one clause on the table's layout; False when none follows."""
    reader.accept_any("HASH", "STRIPED", "ROUND-ROBIN")
    if reader.accept("PARTITION", "BY"):
        table.partition = [partition_field(item, reader) for item in reader.group()]
    elif reader.accept("LOCALSORT", "BY"):
        table.sort = [item[0].text for item in reader.group()]
    elif reader.accept("DISTRIBUTE", "BY") or reader.accept("CLUSTER", "BY"):
        reader.group()  # hints for a cluster's planner; the result is the same
    elif reader.accept("STORE", "AS"):
        options = {item[0].text.lower(): item[-1].text for item in reader.group()}
        table.format = options.get("type", "iceberg").lower()
    elif reader.accept("TBLPROPERTIES"):
        table.properties = {item[0].text: item[-1].text for item in reader.group()}
    elif reader.accept("LOCATION"):
        reader.string()
    elif reader.accept("WITH", "SINGLE", "WRITER"):
        pass
    else:
        policy = row_policy(reader, table.path)
        if policy is None:
            return False
        table.policies.append(policy)
    return True


def partition_field(item: list[Token], reader: Reader) -> PartitionField:
    """Read `column` or `transform([n,] column)`. Raises DremioError."""
    if not item:
        raise reader.error("expected a column or a transform of one")
    name = item[0].text
    if len(item) == 1:
        return PartitionField(name)
    transform = name.lower()
    arguments = [token.text for token in item[2:-1] if token.text != ","]
    if transform not in _TRANSFORMS or not arguments:
        raise validation(f"Invalid partition transform: {name} (known: {', '.join(_TRANSFORMS)})")
    numbers = [int(text) for text in arguments if text.isdigit()]
    columns = [text for text in arguments if not text.isdigit()]
    if len(columns) != 1:
        raise validation(f"Partition transform {name} takes one column")
    return PartitionField(columns[0], transform, numbers[0] if numbers else None)


def column_definition(item: list[Token], reader: Reader) -> exp.ColumnDef:
    """Parse `name TYPE [NOT NULL]`. Raises DremioError."""
    start, end = item[0].start, item[-1].end
    text = f"CREATE TABLE t ({reader.sql[start : end + 1]})"
    tree = parse_tokens(tokenize(text), text)
    schema = tree.this
    if isinstance(schema, exp.Schema):
        for definition in schema.expressions:
            if isinstance(definition, exp.ColumnDef) and definition.kind is not None:
                for kind in definition.kind.find_all(exp.DataType):
                    if kind.this == exp.DType.LIST:  # Dremio's other name for it
                        kind.set("this", exp.DType.ARRAY)
                return definition
    raise validation(f"Expected a column and its type: {reader.sql[start : end + 1]}")


def _query(reader: Reader) -> exp.Expression:
    tree = parse_tokens(reader.rest(), reader.sql)
    while isinstance(tree, exp.Subquery) and not tree.alias and not tree.args.get("limit"):
        tree = tree.this
    if not isinstance(tree, exp.Query | exp.Values):
        raise reader.error("expected a query")
    return as_query(tree)
