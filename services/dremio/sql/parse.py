"""Text → `Statement`: Dremio's own statements by hand, queries and DML by sqlglot."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from services.dremio.sql import (
    parse_alter,
    parse_copy,
    parse_create,
    parse_function,
    parse_maintenance,
)
from services.dremio.sql.access import parse as access
from services.dremio.sql.reflections import ddl as reflections
from services.dremio.sql.shape import as_query, table_path
from services.dremio.sql.statements import (
    Describe,
    Drop,
    Explain,
    Modify,
    Query,
    Show,
    Statement,
    Truncate,
    Use,
)
from services.dremio.sql.tokens import Reader, parse_tokens, tokenize
from services.dremio.state.errors import DremioError, ErrorKind, unsupported

_MODIFYING = {
    "INSERT": exp.Insert,
    "UPDATE": exp.Update,
    "DELETE": exp.Delete,
    "MERGE": exp.Merge,
}
_DROPPABLE = {"TABLE": "TABLE", "VIEW": "VIEW", "VDS": "VIEW", "FOLDER": "FOLDER", "SPACE": "SPACE"}
# Understood by Dremio, not offered here.
_UNSUPPORTED = (
    "CALL", "RESET",
)  # fmt: skip
_NEVER = ("ATTACH", "DETACH", "PRAGMA", "INSTALL", "LOAD", "EXPORT", "IMPORT", "CHECKPOINT")


def parse(sql: str) -> Statement:
    """Parse one statement; a trailing semicolon is allowed.

    Raises DremioError: PARSE for what is no statement, UNSUPPORTED_OPERATION for what Dremio
    has and this engine has not.
    """
    try:
        return _parsed(sql)
    except RecursionError:
        raise DremioError(
            ErrorKind.PARSE, "Failure parsing the query. It is nested too deeply"
        ) from None


def _parsed(sql: str) -> Statement:
    tokens = tokenize(sql)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise DremioError(ErrorKind.PARSE, "Failure parsing the query. The statement is empty")
    return _statement(Reader(sql, tokens))


def _statement(reader: Reader) -> Statement:
    first = reader.word()
    handler = _HANDLERS.get(first)
    if handler is not None:
        reader.at += 1
        return handler(reader)
    if first in _MODIFYING:
        return _modify(first, reader)
    if first in _UNSUPPORTED:
        raise unsupported(f"{first} is not supported by this edition")
    if first in _NEVER:
        raise reader.error("no statement of Dremio's starts so")
    tree = parse_tokens(reader.rest(), reader.sql)
    if not isinstance(tree, exp.Query | exp.Values):
        raise reader.error("expected a query")
    return Query(as_query(tree))


def _modify(kind: str, reader: Reader) -> Statement:
    tree = parse_tokens(reader.rest(), reader.sql)
    if not isinstance(tree, _MODIFYING[kind]):
        raise reader.error(f"expected {kind}")
    return Modify(kind, table_path(tree.this), tree)


def _explain(reader: Reader) -> Statement:
    if reader.accept("PLAN"):
        for word in ("INCLUDING", "EXCLUDING"):
            if reader.accept(word):
                reader.accept_any("ALL")
                reader.expect("ATTRIBUTES")
        if reader.accept("WITH"):
            reader.accept_any("TYPE", "IMPLEMENTATION")
        elif reader.accept("WITHOUT"):
            reader.expect("IMPLEMENTATION")
        reader.expect("FOR")
    text = reader.text()
    return Explain(_statement(reader), text)


def _drop(reader: Reader) -> Statement:
    if reader.accept("REFLECTION"):
        return reflections.drop(reader)
    if reader.accept("FUNCTION"):
        return parse_function.drop(reader)
    if reader.accept("USER"):
        return access.drop_user(reader)
    if reader.accept("ROLE"):
        return access.drop_role(reader)
    kind = _DROPPABLE.get(reader.word())
    if kind is None:
        raise unsupported(f"DROP {reader.word()} is not supported by this edition")
    reader.at += 1
    if_exists = reader.accept("IF", "EXISTS")
    path = reader.path()
    reader.end()
    return Drop(kind, path, if_exists)


def _truncate(reader: Reader) -> Statement:
    reader.accept("TABLE")
    if_exists = reader.accept("IF", "EXISTS")
    path = reader.path()
    reader.end()
    return Truncate(path, if_exists)


def _show(reader: Reader) -> Statement:
    kind = reader.word()
    if reader.accept("FUNCTIONS"):
        return parse_function.show(reader)
    if kind in ("SCHEMAS", "DATABASES"):
        reader.at += 1
        show = Show("SCHEMAS")
    elif kind in ("TABLES", "VIEWS"):
        reader.at += 1
        show = Show(kind, reader.path() if reader.accept_any("IN", "FROM") else ())
    elif kind == "CREATE":
        reader.at += 1
        what = reader.accept_any("VIEW", "VDS", "TABLE")
        show = Show("CREATE TABLE" if what == "TABLE" else "CREATE VIEW", reader.path())
    elif kind == "TBLPROPERTIES":
        reader.at += 1
        show = Show(kind, reader.path())
    else:
        raise unsupported(f"SHOW {kind} is not supported by this edition")
    if reader.accept("LIKE"):
        show.like = reader.string()
    reader.end()
    return show


def _describe(reader: Reader) -> Statement:
    if reader.accept("FUNCTION"):
        return parse_function.describe(reader)
    reader.accept_any("TABLE", "DATASET", "VIEW", "VDS", "PDS")
    path = reader.path()
    column = None if reader.done else reader.identifier()
    reader.end()
    return Describe(path, column)


def _use(reader: Reader) -> Statement:
    path = reader.path()
    reader.end()
    return Use(path)


_HANDLERS: dict[str, Callable[[Reader], Statement]] = {
    "EXPLAIN": _explain,
    "CREATE": parse_create.create,
    "DROP": _drop,
    "TRUNCATE": _truncate,
    "ALTER": parse_alter.alter,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "DESC": _describe,
    "USE": _use,
    "SET": reflections.set_option,
    "GRANT": access.grant,
    "REVOKE": access.revoke,
    "COPY": parse_copy.copy,
    "OPTIMIZE": parse_maintenance.optimize,
    "VACUUM": parse_maintenance.vacuum,
    "ROLLBACK": parse_maintenance.rollback,
    "ANALYZE": parse_maintenance.analyze,
}
