"""ALTER TABLE|PDS|VDS|DATASET, ALTER SESSION and ALTER SYSTEM."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from services.dremio.sql.access import parse as access
from services.dremio.sql.access.policies import alter_policy
from services.dremio.sql.parse_create import column_definition, partition_field
from services.dremio.sql.reflections import ddl as reflections
from services.dremio.sql.statements import (
    AlterColumns,
    AlterLayout,
    AlterMetadata,
    RefreshStatus,
    SetOption,
    Statement,
    TableProperties,
)
from services.dremio.sql.tokens import Reader
from services.dremio.state.errors import unsupported

_TABLES = ("TABLE", "PDS", "DATASET", "VIEW", "VDS")


def alter(reader: Reader) -> Statement:
    """Read what follows ALTER. Raises DremioError."""
    kind = reader.word()
    reader.at += 1
    if kind in ("SESSION", "SYSTEM"):
        return _option(reader, system=kind == "SYSTEM")
    if kind == "USER":
        return access.alter_user(reader)
    if kind == "REFLECTION":
        return reflections.alter_reflection(reader)
    if kind == "SOURCE":
        source = reader.path()
        reader.expect("REFRESH", "STATUS")
        reader.end()
        return RefreshStatus(source)
    if kind not in _TABLES:
        raise unsupported(f"ALTER {kind} is not supported by this edition")
    if_exists = reader.accept("IF", "EXISTS")
    path = reader.path()
    policy = alter_policy(reader, path, if_exists=if_exists)
    if policy is not None:
        reader.end()
        return policy
    of_reflections = reflections.alter_dataset(reader, path)
    if of_reflections is not None:
        return of_reflections
    action = reader.word()
    if action in ("REFRESH", "FORGET"):
        reader.at += 1
        reader.expect("METADATA")
        return AlterMetadata(path, action)  # what follows tunes a scan that does not exist here
    layout = _layout(reader, path)
    if layout is not None:
        reader.end()
        return layout
    statement = AlterColumns(path)
    if reader.accept("ADD", "COLUMNS") or (reader.word(1) == "(" and reader.accept("ADD")):
        statement.add = [column_definition(item, reader) for item in reader.group(types=True)]
    elif reader.accept("ADD", "COLUMN"):
        statement.add = [column_definition(reader.rest(), reader)]
        reader.at = len(reader.tokens)
    elif reader.accept("DROP", "COLUMN") or (reader.word(1) and reader.accept("DROP")):
        statement.drop = [reader.identifier()]
    elif reader.accept_any("ALTER", "CHANGE", "MODIFY") and reader.accept("COLUMN"):
        statement.change = [_change(reader)]
    elif reader.accept("RENAME", "COLUMN"):
        raise unsupported("RENAME COLUMN: use ALTER COLUMN old_name new_name type")
    else:
        raise unsupported(f"ALTER {kind} … {action} {reader.word(1)} is not supported here")
    reader.end()
    return statement


def _layout(reader: Reader, path: tuple[str, ...]) -> Statement | None:
    """Read TBLPROPERTIES, PARTITION FIELD or LOCALSORT BY; None when it is none of them."""
    if reader.accept("SET", "TBLPROPERTIES"):
        return TableProperties(path, set=dict(_property(item, reader) for item in reader.group()))
    if reader.accept("UNSET", "TBLPROPERTIES"):
        return TableProperties(path, unset=[item[0].text for item in reader.group()])
    if reader.accept("ADD", "PARTITION", "FIELD"):
        field = partition_field(reader.rest(), reader)
        reader.at = len(reader.tokens)
        return AlterLayout(path, add=field)
    if reader.accept("DROP", "PARTITION", "FIELD"):
        field = partition_field(reader.rest(), reader)
        reader.at = len(reader.tokens)
        return AlterLayout(path, drop=field)
    if reader.accept("LOCALSORT", "BY"):
        return AlterLayout(path, sort=[item[0].text for item in reader.group()])
    return None


def _property(item: list[Token], reader: Reader) -> tuple[str, str]:
    inner = Reader(reader.sql, item)
    name = inner.string()
    inner.expect("=")
    value = inner.string()
    inner.end()
    return name, value


def _change(reader: Reader) -> tuple[str, exp.ColumnDef]:
    old = reader.identifier()
    definition = column_definition(reader.rest(), reader)
    reader.at = len(reader.tokens)
    return old, definition


def _option(reader: Reader, *, system: bool) -> Statement:
    if reader.accept("RESET"):
        name = ".".join(reader.path())
        reader.end()
        return SetOption(name, None, system)
    reader.expect("SET")
    name = ".".join(reader.path())
    reader.expect("=")
    value = "".join(token.text for token in reader.rest())
    if not value:
        raise reader.error("expected a value")
    return SetOption(name, value, system)
