"""The figures of a run, each beside the machine's own limit measured in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value; `limit` is what the bare machine does, `target` what we aim at."""

    name: str
    value: float
    unit: str
    target: str
    reached: bool
    limit: float | None = None
    limit_of: str = ""


def at_most(name: str, value: float, unit: str, target: float, **limit: object) -> Figure:
    """Return a figure that should stay at or below its target."""
    return Figure(name, value, unit, f"≤ {target:g}", value <= target, **limit)  # type: ignore[arg-type]


def at_least(name: str, value: float, unit: str, target: float, **limit: object) -> Figure:
    """Return a figure that should reach its target."""
    return Figure(name, value, unit, f"≥ {target:g}", value >= target, **limit)  # type: ignore[arg-type]


def measure(console: Console, name: str, benchmark: Callable[[], list[Figure]]) -> list[Figure]:
    """Run one benchmark, saying so."""
    console.print(f"measuring {name} ...")
    return benchmark()


def print_report(console: Console, figures: list[Figure]) -> None:
    """Print every figure, those that fall short too."""
    table = Table("figure", "measured", "target", "", "the machine itself", "ratio")
    for figure in figures:
        ratio = "" if not figure.limit else f"{figure.value / figure.limit:.2f}"
        limit = "" if figure.limit is None else f"{_number(figure.limit)} {figure.unit}"
        table.add_row(
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            f"{figure.target} {figure.unit}",
            "[green]reached[/green]" if figure.reached else "[red]falls short[/red]",
            f"{limit} ({figure.limit_of})" if limit else "",
            ratio,
        )
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
