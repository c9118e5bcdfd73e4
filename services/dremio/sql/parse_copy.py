"""COPY INTO table FROM '@source/path' or (SELECT … FROM '@source/path').

Source: Dremio's SQL reference, "COPY INTO" and "Transforming Data on Load".
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from services.dremio.sql.functions import aggregates
from services.dremio.sql.statements import COPIED, CopyInto, Statement
from services.dremio.sql.tokens import Reader, parse_tokens
from services.dremio.state.errors import unsupported, validation

_CSV = (
    "DATE_FORMAT", "EMPTY_AS_NULL", "ESCAPE_CHAR", "EXTRACT_HEADER", "FIELD_DELIMITER", "NULL_IF",
    "ON_ERROR", "QUOTE_CHAR", "RECORD_DELIMITER", "SKIP_LINES", "TIME_FORMAT", "TIMESTAMP_FORMAT",
    "TRIM_SPACE",
)  # fmt: skip
OPTIONS = {
    "csv": _CSV,
    "json": (
        "DATE_FORMAT", "EMPTY_AS_NULL", "NULL_IF", "ON_ERROR", "TIME_FORMAT", "TIMESTAMP_FORMAT",
        "TRIM_SPACE",
    ),
    "parquet": ("ON_ERROR",),
}  # fmt: skip
"""Format → the options that go with it (CopyIntoTableContext of Dremio's source)."""
_BOOLEANS = ("EMPTY_AS_NULL", "EXTRACT_HEADER", "TRIM_SPACE")
_MOST_FILES = 1000
AGGREGATES = aggregates.FAMILY.names()


def copy(reader: Reader) -> Statement:
    """Read what follows COPY. Raises DremioError."""
    reader.expect("INTO")
    path = reader.path()
    columns: list[str] = []
    if reader.word() == "(":
        columns = [Reader(reader.sql, item).identifier() for item in reader.group()]
    reader.expect("FROM")
    query = None
    if reader.word() == "(":
        location, query = _query(reader)
    elif columns:
        raise reader.error("a list of columns goes with FROM (SELECT …)")
    else:
        location = reader.string()
    if not location.startswith("@"):
        raise validation("Specified location clause not found: write '@source/path'")
    statement = CopyInto(path, location, tuple(columns), query)
    if reader.accept("FILES"):
        statement.files = [Reader(reader.sql, item).string() for item in reader.group()]
        if len(statement.files) > _MOST_FILES:
            raise validation(
                f"Maximum number of files allowed in the FILES clause is {_MOST_FILES}"
            )
    elif reader.accept("REGEX"):
        statement.regex = reader.string()
    if reader.accept("FILE_FORMAT"):
        statement.format = reader.string().lower()
        if statement.format not in OPTIONS:
            raise validation(f"Specified File Format '{statement.format}' is not supported")
        if query is not None and statement.format == "json":
            raise unsupported("COPY INTO with a query does not support JSON files")
    if reader.word() == "(":
        reader.at += 1
        while not reader.accept(")"):
            _option(reader, statement)
            reader.accept(",")
    reader.end()
    return statement


def _query(reader: Reader) -> tuple[str, exp.Select]:
    """Read `(SELECT … FROM '@source/path' [alias])`; return the location and the query."""
    tokens = [token for item in _joined(reader.group()) for token in item]
    places = [
        at
        for at, token in enumerate(tokens[1:], 1)
        if token.token_type is TokenType.STRING and tokens[at - 1].token_type is TokenType.FROM
    ]
    if len(places) != 1:
        raise reader.error("expected one FROM '@source/path' in the query")
    location = tokens[places[0]]
    tokens[places[0]] = _named(location, COPIED)
    # A column by its number.
    tree = parse_tokens(
        [_named(t, t.text) if t.text.startswith("$") else t for t in tokens], reader.sql
    )
    if not isinstance(tree, exp.Select):
        raise reader.error("expected SELECT … FROM '@source/path'")
    _check(tree)
    return location.text, tree


def _named(token: Token, name: str) -> Token:
    """Return a quoted name in a token's place; a string stays what it is."""
    if token.token_type is TokenType.STRING and name == token.text:
        return token
    where = (token.line, token.col, token.start, token.end)
    return Token(TokenType.IDENTIFIER, name, *where, [])


def _joined(items: list[list[Token]]) -> list[list[Token]]:
    """Put the commas back between the items of a group."""
    comma = Token(TokenType.COMMA, ",", 1, 1, 0, 0, [])
    return [[*item, comma] for item in items[:-1]] + items[-1:]


def _check(tree: exp.Select) -> None:
    """Only rows by themselves are looked at (the reference's "Unsupported Capabilities")."""
    for clause, name in _REFUSED.items():
        if tree.args.get(clause):
            raise unsupported(f"{name} in the query of a COPY INTO")
    if tree.find(exp.Subquery, exp.SetOperation) or len(list(tree.find_all(exp.Table))) != 1:
        raise unsupported("the query of a COPY INTO reads one location and nothing else")
    if tree.find(exp.Window, exp.AggFunc) or any(
        call.name.upper() in AGGREGATES for call in tree.find_all(exp.Anonymous)
    ):
        raise unsupported("aggregate and window functions in the query of a COPY INTO")


_REFUSED = {
    "with_": "WITH", "joins": "JOIN", "laterals": "FLATTEN", "where": "WHERE", "group": "GROUP BY",
    "having": "HAVING", "qualify": "QUALIFY", "distinct": "DISTINCT", "order": "ORDER BY",
    "limit": "LIMIT", "offset": "OFFSET",
}  # fmt: skip


def _option(reader: Reader, statement: CopyInto) -> None:
    name = reader.identifier().upper()
    if name not in _CSV:
        raise validation(f"Specified '{name}' option is not supported")
    if name in statement.options:
        raise validation(f"Duplicate option '{name}'")
    if name == "NULL_IF":
        values = [Reader(reader.sql, item).string() for item in reader.group()]
        statement.options[name] = values
        return
    token = reader.tokens[reader.at] if not reader.done else None
    if name == "SKIP_LINES" and token is not None and token.token_type is TokenType.NUMBER:
        reader.at += 1
        statement.options[name] = token.text
        return
    if name in _BOOLEANS and (token is None or token.token_type is not TokenType.STRING):
        statement.options[name] = reader.accept_any("TRUE", "FALSE").lower() or "true"
        return
    statement.options[name] = reader.string()
