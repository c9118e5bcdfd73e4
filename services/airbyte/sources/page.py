"""The tables of types in the documentation, written from the maps that the sources read by.

`python -m services.airbyte.sources.page` brings the pages up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pyiceberg.types import DecimalType, IcebergType

from services.airbyte.sources.mysql import types as mysql
from services.airbyte.sources.postgres import types as postgres
from services.airbyte.sources.sqlserver import types as sqlserver
from services.common.settings import CHECKOUT

PAGES = CHECKOUT / "docs" / "ingestion"


def _name(source: str, kind: IcebergType) -> str:
    exact = isinstance(kind, DecimalType) and "(p,s)" in source
    return "decimal(p,s)" if exact else str(kind).replace("<", " of ").replace(">", "")


def _postgres() -> Iterable[tuple[str, str, str]]:
    for source, kind, remark in postgres.type_table():
        yield source, _name(source, kind), remark


def _mysql() -> Iterable[tuple[str, str, str]]:
    fallible = {name for name, mapping in mysql.FIXED.items() if mapping.fallible}
    for source, kind in mysql.type_table():
        remark = "a value that is none (0000-00-00) becomes null" if source in fallible else ""
        yield source, _name(source, kind), remark


def _sqlserver() -> Iterable[tuple[str, str, str]]:
    for source, kind in sqlserver.type_table():
        yield source, _name(source, kind), sqlserver.REMARKS.get(source, "")


# Database → its page, the rows of its table.
_TABLES: dict[str, tuple[str, Callable[[], Iterable[tuple[str, str, str]]]]] = {
    "PostgreSQL": ("databases.md", _postgres),
    "MySQL and MariaDB": ("databases.md", _mysql),
    "SQL Server": ("sqlserver.md", _sqlserver),
}


def _grouped(rows: Iterable[tuple[str, str, str]]) -> Sequence[tuple[str, str, str]]:
    """Put the types that arrive alike into one row."""
    groups: dict[tuple[str, str], list[str]] = {}
    for source, kind, remark in rows:
        groups.setdefault((kind, remark), []).append(source)
    return [(", ".join(names), kind, remark) for (kind, remark), names in groups.items()]


def table(database: str) -> str:
    """Return a database's table as Markdown."""
    rows = _grouped(_TABLES[database][1]())
    lines = [f"| {database} | in bronze | |", "|---|---|---|"]
    lines += [f"| {source} | {kind} | {remark} |" for source, kind, remark in rows]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Return the pages' texts by name, with their tables as they are now."""
    found: dict[str, str] = {}
    for database, (name, _) in _TABLES.items():
        text = found.get(name) or (PAGES / name).read_text()
        begin, end = f"<!-- types: {database} -->\n", "\n<!-- end -->"
        before, begun, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (begun and ended):
            raise ValueError(f"{name} has no place for the types of {database}")
        found[name] = before + begin + table(database) + end + after
    return found


if __name__ == "__main__":
    for file, content in pages().items():
        (PAGES / file).write_text(content)
