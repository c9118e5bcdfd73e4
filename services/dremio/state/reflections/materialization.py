"""What was built of a reflection: which tables it holds, as of which snapshots."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, field
from typing import Any

from services.dremio.state.catalog.entities import Path


@dataclass(frozen=True)
class Source:
    """A table as it was when it was read. `snapshot` 0: it had none, it was empty."""

    path: Path
    table: str
    snapshot: int
    schema: int
    source_tag: str

    def same_table(self, other: Source) -> bool:
        """Whether both are the same table with the same columns, maybe at other snapshots."""
        return (self.table, self.schema, self.source_tag) == (
            other.table,
            other.schema,
            other.source_tag,
        )


@dataclass(frozen=True)
class Contents:
    """What the segments of a materialization hold.

    `dataset`: the dataset's columns with DuckDB's types. `columns`: the segments' own, in order.
    `relations`: every view and table the dataset's query came upon, in order; `views`: the
    views' tags. `averages`: by column, the decimal scale of sums that fit a DOUBLE exactly.
    `joins`: for a view that joins, the columns of each item of its FROM, in lower case;
    `removable`: those that each row of the others finds exactly one row of. `engine`: the version
    of DuckDB that made sketches, which another may not read; '' where there are none.
    """

    tag: str
    dataset: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    relations: tuple[Path, ...]
    views: dict[str, str]
    sources: tuple[Source, ...]
    segments: tuple[str, ...]
    averages: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    linear: bool = False
    joins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    removable: tuple[str, ...] = ()
    engine: str = ""


@dataclass(frozen=True)
class Materialization:
    """One built state of a reflection."""

    id: str
    reflection_id: str
    contents: Contents
    rows: int
    size: int
    created_at: datetime.datetime
    finished_at: datetime.datetime
    method: str
    decision: str


def pack(contents: Contents) -> dict[str, Any]:
    """Return contents as JSON."""
    return asdict(contents)


def unpack(body: dict[str, Any]) -> Contents:
    """Return the contents that `pack` gave."""
    return Contents(
        tag=body["tag"],
        dataset=tuple((name, kind) for name, kind in body["dataset"]),
        columns=tuple(body["columns"]),
        relations=tuple(tuple(path) for path in body["relations"]),
        views=dict(body["views"]),
        sources=tuple(Source(**{**s, "path": tuple(s["path"])}) for s in body["sources"]),
        segments=tuple(body["segments"]),
        averages=dict(body["averages"]),
        skipped=dict(body.get("skipped") or {}),
        linear=bool(body.get("linear")),
        joins={alias: tuple(names) for alias, names in (body.get("joins") or {}).items()},
        removable=tuple(body.get("removable") or ()),
        engine=str(body.get("engine") or ""),
    )
