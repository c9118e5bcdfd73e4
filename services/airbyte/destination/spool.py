"""A window of a log, kept until it is applied: temporary tables of DuckDB, which spill to disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column, duckdb_type, quote
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.destination.schema import noted_changes

# The column that becomes `_airbyte_meta.changes`.
NOTED = "_lakelet_changes"
_BATCH = "lakelet_batch"
_number = itertools.count()


@dataclass
class Part:
    """Changes of a stream while its columns were the same; `name` is the temporary table."""

    name: str
    columns: tuple[Column, ...]


@dataclass
class Spooled:
    """What a window holds of one stream."""

    stream: ConfiguredStream
    parts: list[Part] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    truncated: int = -1
    """SEQ of the last truncate, -1 without any."""
    incomplete: bool = False
    """Whether some row lacks values that did not change."""


class Spool:
    """Takes a window's changes; `take` gives them back by stream."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck = duck
        self._streams: dict[str, Spooled] = {}

    def add(self, changes: Changes) -> None:
        """Store a batch, its values in the types of their columns."""
        spooled = self._streams.setdefault(changes.stream.key, Spooled(changes.stream))
        columns = tuple(changes.columns)
        known = bool(spooled.parts) and spooled.parts[-1].columns == columns
        if not known:
            spooled.parts.append(Part(f"lakelet_spool_{next(_number)}", columns))
        name = spooled.parts[-1].name
        way = f"INSERT INTO {name}" if known else f"CREATE TEMP TABLE {name} AS"
        self._duck.register(_BATCH, changes.batch)
        where = f" WHERE {changes.condition}" if changes.condition else ""
        counted = self._duck.execute(
            f"{way} SELECT {_values(changes)} FROM {_BATCH}{where}"
        ).fetchone()
        found = self._duck.execute(
            f"SELECT coalesce(max({SEQ}) FILTER (WHERE {OP} = 'T'), -1),"
            f" coalesce(bool_or({KEPT} IS NOT NULL), false) FROM {_BATCH}"
        ).fetchone()
        self._duck.unregister(_BATCH)
        if found is not None:
            spooled.truncated = max(spooled.truncated, int(found[0]))
            spooled.incomplete |= bool(found[1])
        spooled.rows += int(counted[0]) if counted else 0
        spooled.bytes += changes.batch.nbytes

    def __iter__(self) -> Iterator[Spooled]:
        return iter(self._streams.values())

    def clear(self) -> None:
        """Forget everything."""
        for spooled in self._streams.values():
            for part in spooled.parts:
                self._duck.execute(f"DROP TABLE IF EXISTS {part.name}")
        self._streams.clear()


def _values(changes: Changes) -> str:
    listing = [
        f"{SEQ}::BIGINT AS {SEQ}",
        f"({changes.operation})::VARCHAR AS {OP}",
        f"({changes.kept})::VARCHAR[] AS {KEPT}",
    ]
    for column in changes.columns:
        kind = duckdb_type(column.type)
        value = changes.values.get(column.name) or f"CAST({quote(column.name)} AS {kind})"
        if column.name in changes.nulled:
            value = f"CASE WHEN {changes.nulled[column.name][0]} THEN NULL ELSE {value} END"
        listing.append(f"({value})::{kind} AS {quote(column.name)}")
    listing.append(f"{noted_changes(changes.nulled)} AS {NOTED}")
    return ", ".join(listing)
