"""What a reflection is to hold: asked for by SQL, REST or a file, always kept in this form."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import Any

from services.dremio.state.catalog.entities import Path

RAW, AGGREGATION = "RAW", "AGGREGATION"
# Dremio's measure types, by every spelling its interfaces take.
MEASURES = {
    "SUM": "SUM",
    "COUNT": "COUNT",
    "MIN": "MIN",
    "MAX": "MAX",
    "AVG": "AVG",
    "APPROX_COUNT_DISTINCT": "APPROX_COUNT_DISTINCT",
    "APPROXIMATE COUNT DISTINCT": "APPROX_COUNT_DISTINCT",
}


@dataclass(frozen=True)
class Dimension:
    """A column to group by; `date` keeps the day of a timestamp alone."""

    name: str
    date: bool = False


@dataclass(frozen=True)
class Measure:
    """A column and what is kept of it; the column `*` stands for the rows themselves."""

    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """When a reflection is refreshed, and how old an answer of it may be.

    `method`: CHANGE (when a table it reads has changed), PERIOD, SCHEDULE (a cron line, UTC) or
    NEVER (only when asked). `staleness`: seconds since the first change it has not seen; 0 means
    it is used only while it is current. `expires`: seconds after it was last built, or found to be
    current, from when it is not used until the next refresh; 0 means never.
    """

    method: str = "CHANGE"
    period: float = 3600.0
    cron: str = ""
    staleness: float = 0.0
    expires: float = 0.0


@dataclass(frozen=True)
class Reflection:
    """One reflection. `tag` changes with every change of the definition."""

    id: str
    dataset: Path
    name: str
    kind: str
    tag: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    enabled: bool = True
    display: tuple[str, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    partition: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    distribution: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    wire: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns its rows are sorted by: partitions first."""
        return (*self.partition, *(name for name in self.sort if name not in self.partition))


def body_of(reflection: Reflection) -> dict[str, Any]:
    """Return what is stored of a definition beside its own columns."""
    return {
        "display": list(reflection.display),
        "dimensions": [[d.name, d.date] for d in reflection.dimensions],
        "measures": [[m.name, list(m.kinds)] for m in reflection.measures],
        "partition": list(reflection.partition),
        "sort": list(reflection.sort),
        "distribution": list(reflection.distribution),
        "policy": vars(reflection.policy),
        "wire": reflection.wire,
    }


def with_body(reflection: Reflection, body: dict[str, Any]) -> Reflection:
    """Return the definition with what `body_of` gave."""
    return replace(
        reflection,
        display=tuple(body["display"]),
        dimensions=tuple(Dimension(name, date) for name, date in body["dimensions"]),
        measures=tuple(Measure(name, tuple(kinds)) for name, kinds in body["measures"]),
        partition=tuple(body["partition"]),
        sort=tuple(body["sort"]),
        distribution=tuple(body["distribution"]),
        policy=Policy(**body["policy"]),
        wire=body.get("wire") or {},
    )
