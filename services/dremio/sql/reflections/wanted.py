"""What a query would ask of a reflection that does not exist yet.

The matcher itself is asked: it is offered a reflection that keeps everything, and what it takes
is written down. So whatever is recommended is sure to match.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from sqlglot import exp

from services.dremio.sql.reflections import raw
from services.dremio.sql.reflections.match import Seen
from services.dremio.sql.reflections.rollup import Kept, rolled_up

K = TypeVar("K")


class _Asked(dict[K, str]):
    """Has every key of a set, and keeps those that it was asked for."""

    def __init__(self, allowed: frozenset[K]) -> None:
        super().__init__()
        self._allowed = allowed

    def get(self, name: K, default: str | None = None) -> str | None:  # type: ignore[override]
        if name not in self._allowed:
            return default
        self[name] = str(name)
        return self[name]


class _Scales(dict[str, int]):
    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        return 0


@dataclass(frozen=True)
class Sums:
    """An aggregation that would answer: dimensions, those kept by the day, measures by column."""

    dimensions: frozenset[str]
    days: frozenset[str] = frozenset()
    measures: frozenset[tuple[str, str]] = frozenset()

    def with_(self, other: Sums) -> Sums:
        """Return what answers both."""
        dimensions = self.dimensions | other.dimensions
        return Sums(
            dimensions,
            (self.days | other.days) - dimensions,
            self.measures | other.measures,
        )


@dataclass(frozen=True)
class Rows:
    """Columns that are read row by row, and those compared in conditions, in lower case."""

    columns: frozenset[str]
    filtered: frozenset[str] = field(default_factory=frozenset)


def wanted_sums(
    select: exp.Select, seen: Seen, columns: frozenset[str], numbers: frozenset[str]
) -> Sums:
    """Return the aggregation that answers `select`; `numbers`: columns whose sums are exact.

    Raises NoMatchError when none can.
    """
    dimensions: _Asked[str] = _Asked(columns)
    days: _Asked[str] = _Asked(columns)
    measures: _Asked[tuple[str, str]] = _Asked(
        frozenset(
            (name, kind)
            for name in columns
            for kind in ("sum", "avg", "count", "min", "max", "distinct")
            if name in numbers or kind not in ("sum", "avg")
        )
    )
    rolled_up(
        select, seen, Kept(columns, dimensions, days, measures, "rows", _Scales(), reasons={})
    )
    kept = frozenset(dimensions)
    kinds = {
        (name, own)
        for name, kind in measures
        for own in (("sum", "count") if kind == "avg" else (kind,))
        if name not in kept or kind != "count"
    }
    return Sums(kept, frozenset(days) - kept, frozenset(kinds))


def wanted_rows(select: exp.Select, relation: exp.Expr, columns: frozenset[str]) -> Rows:
    """Return what a raw reflection has to show. Raises NoMatchError when none can answer."""
    used = raw.check(select, relation, columns, columns)
    return Rows(used, frozenset(raw.filtered_by(select) & columns))
