"""The table of types on the documentation's page, written from what the source reads by.

`python -m services.airbyte.sources.mongodb.page` brings the page up to date.
"""

from __future__ import annotations

from services.airbyte.sources.mongodb.types import type_table
from services.common.settings import CHECKOUT

PAGE = CHECKOUT / "docs" / "ingestion" / "mongodb.md"
_BEGIN, _END = "<!-- types: MongoDB -->\n", "\n<!-- end -->"


def table() -> str:
    """Return the table as Markdown; types that arrive alike share a row."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, kind, remark in type_table():
        groups.setdefault((str(kind), remark), []).append(name)
    rows = [f"| {', '.join(names)} | {kind} | {rem} |" for (kind, rem), names in groups.items()]
    return "\n".join(["| BSON (`$type`) | in bronze | |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """Return the page's text with the table as it is now."""
    before, _, rest = text.partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise ValueError("the page has no place for the types")
    return before + _BEGIN + table() + _END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
