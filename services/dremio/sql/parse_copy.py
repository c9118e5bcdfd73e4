"""COPY INTO table FROM '@source/path' (Dremio's SQL reference)."""

from __future__ import annotations

from sqlglot.tokenizer_core import TokenType

from services.dremio.sql.statements import CopyInto, Statement
from services.dremio.sql.tokens import Reader
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


def copy(reader: Reader) -> Statement:
    """Read what follows COPY. Raises DremioError."""
    reader.expect("INTO")
    path = reader.path()
    reader.expect("FROM")
    if reader.word() == "(":
        raise unsupported("COPY INTO … FROM (SELECT …): transform the rows after they are loaded")
    location = reader.string()
    if not location.startswith("@"):
        raise validation("Specified location clause not found: write '@source/path'")
    statement = CopyInto(path, location)
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
    if reader.word() == "(":
        reader.at += 1
        while not reader.accept(")"):
            _option(reader, statement)
            reader.accept(",")
    reader.end()
    return statement


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
