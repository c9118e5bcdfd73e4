"""Printing results: nothing is ever cut off, whatever the width of the terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_WIDE = 10_000


def results_console() -> Console:
    """Return the console for results; a pipe or file has no width to fit into."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def plain_table(*headings: str) -> Table:
    """Return a table whose cells are never wrapped or cut."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table, or one below the other where the table is wider than the screen."""
    console = results_console()
    if not rows:
        console.print("no rows")
        return
    table = plain_table(*rows[0])
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    if table.__rich_measure__(console, console.options.update(max_width=_WIDE)).maximum <= (
        console.width
    ):
        console.print(table)
        return
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}", align="left")
        for name, value in row.items():
            console.print(f"{name}: {_cell(value)}", markup=False, soft_wrap=True)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
