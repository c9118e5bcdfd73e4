"""CREATE, DROP, DESCRIBE and SHOW FUNCTION(S): functions that users write in SQL."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from services.dremio.sql.parse_create import column_definition
from services.dremio.sql.shape import as_query
from services.dremio.sql.statements import (
    CreateFunction,
    DescribeFunction,
    DropFunction,
    ShowFunctions,
    Statement,
)
from services.dremio.sql.tokens import Reader, parse_tokens, tokenize
from services.dremio.state.errors import validation


def create(reader: Reader, replace: bool, if_not_exists: bool) -> Statement:
    """Read what follows CREATE [OR REPLACE] FUNCTION [IF NOT EXISTS]. Raises DremioError."""
    if replace and if_not_exists:
        raise reader.error("OR REPLACE and IF NOT EXISTS do not go together")
    path = reader.path()
    parameters = [column_definition(item, reader) for item in reader.group(types=True)]
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name.lower() in seen:
            raise validation(f"Parameter name {parameter.name} appears more than once")
        seen.add(parameter.name.lower())
    reader.expect("RETURNS")
    columns: list[exp.ColumnDef] = []
    returns = ""
    if reader.word() == "TABLE" and reader.word(1) == "(":
        reader.at += 1
        columns = [column_definition(item, reader) for item in reader.group(types=True)]
    else:
        returns = _type(reader)
    reader.expect("RETURN")
    text = reader.text()
    body(text)  # so that what is stored can be read again
    return CreateFunction(path, parameters, returns, columns, text, replace, if_not_exists)


def drop(reader: Reader) -> Statement:
    """Read what follows DROP FUNCTION. Raises DremioError."""
    if_exists = reader.accept("IF", "EXISTS")
    path = reader.path()
    reader.end()
    return DropFunction(path, if_exists)


def describe(reader: Reader) -> Statement:
    """Read what follows DESCRIBE FUNCTION. Raises DremioError."""
    path = reader.path()
    reader.end()
    return DescribeFunction(path)


def show(reader: Reader) -> Statement:
    """Read what follows SHOW FUNCTIONS. Raises DremioError."""
    like = reader.string() if reader.accept("LIKE") else None
    reader.end()
    return ShowFunctions(like)


def body(text: str) -> exp.Expression:
    """Parse a function's body: an expression or a query. Raises DremioError (PARSE)."""
    tree = parse_tokens(tokenize(text), text)
    while isinstance(tree, exp.Subquery) and not tree.alias and not tree.args.get("limit"):
        tree = tree.this
    if isinstance(tree, exp.Values):
        return as_query(tree)
    if isinstance(tree, exp.DDL | exp.DML) and not isinstance(tree, exp.Query):
        raise validation("A function's body is an expression or a query")
    return tree


def data_type(text: str) -> exp.DataType:
    """Parse a type as a statement spells it. Raises DremioError."""
    sql = f"t {text}"
    kind = column_definition(tokenize(sql), Reader(sql, tokenize(sql))).kind
    assert kind is not None  # noqa: S101 - a definition without type is an error before
    return kind


def _type(reader: Reader) -> str:
    """Read the tokens before RETURN as a type."""
    start = reader.at
    depth = 0
    while not reader.done and not (depth == 0 and reader.word() == "RETURN"):
        kind = reader.tokens[reader.at].token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        reader.at += 1
    if reader.at == start:
        raise reader.error("expected a type")
    first, last = reader.tokens[start], reader.tokens[reader.at - 1]
    text = reader.sql[first.start : last.end + 1]
    data_type(text)
    return text
