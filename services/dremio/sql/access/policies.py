"""ALTER TABLE|VIEW … ROW ACCESS POLICY and … MASKING POLICY.

Syntax: Dremio's SQL reference, "Row-Access & Column-Masking".
"""

from __future__ import annotations

from dataclasses import dataclass

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
