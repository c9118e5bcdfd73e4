"""OPTIMIZE, VACUUM, ROLLBACK and ANALYZE TABLE (Dremio's SQL reference, Apache Iceberg tables)."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from services.dremio.sql.statements import Analyze, Optimize, Rollback, Statement, Vacuum
from services.dremio.sql.tokens import Reader, parse_tokens
from services.dremio.state.errors import unsupported, validation

_SIZES = {
    "TARGET_FILE_SIZE_MB": "target_mb",
    "MIN_FILE_SIZE_MB": "least_mb",
    "MAX_FILE_SIZE_MB": "most_mb",
}


def optimize(reader: Reader) -> Statement:
    """Read what follows OPTIMIZE. Raises DremioError."""
    reader.expect("TABLE")
    statement = Optimize(reader.path(), data=False, manifests=False)
    whole = True
    while not reader.done:
        if reader.accept("REWRITE", "MANIFESTS"):
            statement.manifests, whole = True, False
        elif reader.accept("REWRITE", "DATA"):
            statement.data, whole = True, False
            if reader.accept("USING"):
                reader.expect("BIN_PACK")
        elif reader.accept("FOR", "PARTITIONS"):
            statement.partitions = _predicate(reader)
        elif reader.word() == "(":
            for item in reader.group():
                _option(item, reader, statement)
        else:
            raise reader.error("expected REWRITE DATA, REWRITE MANIFESTS or FOR PARTITIONS")
    if whole:
        statement.data = statement.manifests = True
    return statement


def vacuum(reader: Reader) -> Statement:
    """Read what follows VACUUM. Raises DremioError."""
    if reader.word() == "CATALOG":
        raise unsupported("VACUUM CATALOG is for Nessie catalogs, of which there is none here")
    reader.expect("TABLE")
    statement = Vacuum(reader.path())
    if reader.accept("REMOVE", "ORPHAN", "FILES"):
        statement.orphans = True
    else:
        reader.expect("EXPIRE", "SNAPSHOTS")
    while not reader.done:
        name = reader.identifier().lower()
        reader.accept("=")
        if name == "older_than":
            statement.older_than = reader.string()
        elif name == "retain_last" and not statement.orphans:
            statement.retain_last = _whole(reader)
        elif name == "location" and statement.orphans:
            statement.location = reader.string()
        else:
            raise validation(f"VACUUM TABLE has no option {name}")
        reader.accept(",")
    return statement


def rollback(reader: Reader) -> Statement:
    """Read what follows ROLLBACK. Raises DremioError."""
    reader.expect("TABLE")
    path = reader.path()
    reader.expect("TO")
    if reader.accept("SNAPSHOT"):
        statement = Rollback(path, snapshot=reader.string())
    else:
        reader.expect("TIMESTAMP")
        statement = Rollback(path, timestamp=reader.string())
    reader.end()
    return statement


def analyze(reader: Reader) -> Statement:
    """Read what follows ANALYZE. Raises DremioError."""
    reader.expect("TABLE")
    statement = Analyze(reader.path())
    reader.expect("FOR")
    if not reader.accept("ALL", "COLUMNS"):
        reader.expect("COLUMNS")
        statement.columns = [item[0].text for item in reader.group()]
    statement.delete = reader.accept_any("COMPUTE", "DELETE") == "DELETE"
    reader.expect("STATISTICS")
    reader.end()
    return statement


def _option(item: list[Token], reader: Reader, statement: Optimize) -> None:
    inner = Reader(reader.sql, item)
    name = inner.identifier().upper()
    inner.expect("=")
    number = _number(inner)
    inner.end()
    if name == "MIN_INPUT_FILES":
        if number < 1:
            raise validation(f"Value of MIN_INPUT_FILES [{number:g}] cannot be less than 1.")
        statement.least_files = int(number)
    elif name in _SIZES:
        if number <= 0:
            raise validation(f"{name} [{number:g}] should be a positive number.")
        setattr(statement, _SIZES[name], number)
    else:
        raise validation(f"Unsupported option '{name.lower()}' for OPTIMIZE TABLE.")


def _predicate(reader: Reader) -> exp.Expression:
    """Read a condition up to the options in parentheses or the next REWRITE, or to the end."""
    start, depth = reader.at, 0
    while not reader.done:
        if depth == 0 and reader.at > start and reader.word() == "REWRITE":
            break
        if depth == 0 and reader.at > start and _options_follow(reader):
            break
        kind = reader.tokens[reader.at].token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        reader.at += 1
    return parse_tokens(reader.tokens[start : reader.at], reader.sql)


def _options_follow(reader: Reader) -> bool:
    return reader.word() == "(" and reader.word(1) in (*_SIZES, "MIN_INPUT_FILES")


def _number(reader: Reader) -> float:
    token = reader.tokens[reader.at] if not reader.done else None
    if token is None or token.token_type is not TokenType.NUMBER:
        raise reader.error("expected a number")
    reader.at += 1
    return float(token.text)


def _whole(reader: Reader) -> int:
    number = _number(reader)
    if number < 1 or number != int(number):
        raise validation("Minimum number of snapshots to retain must be 1 or more")
    return int(number)
