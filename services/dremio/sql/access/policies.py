"""ROW ACCESS POLICY and MASKING POLICY in ALTER and CREATE TABLE|VIEW.

Syntax: Dremio's SQL reference, "Row-Access & Column-Masking".
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot.tokenizer_core import Token

from services.dremio.sql.statements import Path, Statement
from services.dremio.sql.tokens import Reader


@dataclass
class SetPolicy(Statement):
    """A policy added or removed; `column` is the masked one, empty for a row filter."""

    path: Path
    function: Path
    columns: tuple[str, ...] = ()
    column: str = ""
    remove: bool = False
    if_exists: bool = False


def alter_policy(reader: Reader, path: Path, *, if_exists: bool) -> SetPolicy | None:
    """Read what follows the dataset's name, None when it is about no policy."""
    for verb in ("ADD", "DROP"):
        if reader.accept(verb, "ROW", "ACCESS", "POLICY"):
            function, columns = _call(reader)
            return SetPolicy(path, function, columns, "", verb == "DROP", if_exists)
    start = reader.at
    if reader.accept_any("MODIFY", "ALTER", "CHANGE") and reader.accept("COLUMN"):
        column = reader.identifier()
        if reader.accept("SET", "MASKING", "POLICY"):
            function, columns = _call(reader)
            return SetPolicy(path, function, columns, column, if_exists=if_exists)
        if reader.accept("UNSET", "MASKING", "POLICY"):
            function = () if reader.done else _call(reader)[0]
            return SetPolicy(path, function, (), column, remove=True, if_exists=if_exists)
    reader.at = start
    return None


def row_policy(reader: Reader, path: Path) -> SetPolicy | None:
    """Read `ROW ACCESS POLICY function(column, …)` of a CREATE; None when it does not follow."""
    if not reader.accept("ROW", "ACCESS", "POLICY"):
        return None
    function = reader.path()
    columns = tuple(Reader(reader.sql, item).identifier() for item in reader.group())
    return SetPolicy(path, function, columns)


def masked_column(
    item: list[Token], reader: Reader, path: Path
) -> tuple[list[Token], SetPolicy | None]:
    """Part a column of a CREATE from its `MASKING POLICY function(column, …)`, if it has one."""
    for at in range(1, len(item) - 1):
        inner = Reader(reader.sql, item[at:])
        if inner.accept("MASKING", "POLICY"):
            function, columns = _call(inner)
            inner.end()
            return item[:at], SetPolicy(path, function, columns, item[0].text)
    return item, None


def _call(reader: Reader) -> tuple[Path, tuple[str, ...]]:
    function = reader.path()
    if reader.done:
        return function, ()
    columns = []
    for item in reader.group():
        inner = Reader(reader.sql, item)
        columns.append(inner.identifier())
        inner.end()
    return function, tuple(columns)
