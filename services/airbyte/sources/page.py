"""The tables of types in the documentation, written from the maps that the sources read by.

`python -m services.airbyte.sources.page` brings the page up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyiceberg.types import DecimalType, IcebergType

from services.airbyte.sources.mysql import types as mysql
from services.airbyte.sources.postgres import types as postgres
from services.common.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "ingestion" / "databases.md"


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


def _grouped(rows: Iterable[tuple[str, str, str]]) -> Sequence[tuple[str, str, str]]:
    """Put the types that arrive alike into one row."""
    groups: dict[tuple[str, str], list[str]] = {}
    for source, kind, remark in rows:
        groups.setdefault((kind, remark), []).append(source)
    return [(", ".join(names), kind, remark) for (kind, remark), names in groups.items()]


def table(database: str) -> str:
    """Return a database's table as Markdown."""
    rows = _grouped(_postgres() if database == "PostgreSQL" else _mysql())
    lines = [f"| {database} | in bronze | |", "|---|---|---|"]
    lines += [f"| {source} | {kind} | {remark} |" for source, kind, remark in rows]
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page's text with its tables as they are now."""
    for database in ("PostgreSQL", "MySQL and MariaDB"):
        begin, end = f"<!-- types: {database} -->\n", "\n<!-- end -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"the page has no place for the types of {database}")
        text = before + begin + table(database) + end + after
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
