"""The interface of a log-based source (change data capture): one log for all its streams.

A sync of the streams that are read incrementally goes like this:

1. `LogSource.open_log` connects, and finds out whether the log still reaches back to every
   stream's state (`log.lost` names those it does not reach; the connection's setting decides
   whether they are read anew, otherwise it raises a config_error that says what to do).
2. Streams without a state are read whole: `log.snapshot(stream)` is a `Reading` as any other, and
   its `state()` is the exact position in the log that the snapshot stands for.
3. Window after window: `log.window(limits)` yields `Changes`, batches of one stream in the log's
   order. A window holds whole transactions only, so its end is a position between two of them.
   Where a window's rows outgrow the memory, the receiver spills them: a source yields and forgets.
4. The destination applies the window: one commit per table with the stream's new state in it, all
   tables of the window in one catalog transaction.
5. `log.acknowledge()` lets the source's server forget the log up to the window's end.

A crash anywhere loses and doubles nothing: each table's commit holds the stream's position, the
next `open_log` is given these, and the source leaves out, per stream, the transactions that lie
before the stream's position. Positions are opaque to everyone but the source.

The rows of `Changes.batch` have the stream's columns (as values or as text that the column's type
can be cast from, see `Changes.values`) and three more:

SEQ   int64, counts all changes of a window over all streams, grows with the log
OP    U  the row is now so (inserted or updated), D the row with this key is deleted,
      M  as U, of the row whose old key was deleted by the change SEQ - 1 (its key changed),
      T  all rows of the table are gone (truncate); no other column counts
KEPT  list of the names of columns whose values the log does not hold because they did not change
      (PostgreSQL's TOAST, MySQL's minimal row image); null where there are none

On the way to the table mappers may leave a row out: its OP is then followed by X (see `mapping`).

A source's own columns (`_ab_cdc_lsn`, `_ab_cdc_updated_at`, `_ab_cdc_deleted_at` …) are columns as
all others: they stand in `Changes.columns`, in `Reading.columns` and in what `discover` offers.
A deleted row has the source's `_ab_cdc_deleted_at` set and at least its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa
from duckdb import DuckDBPyConnection

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.source import Environment, Reading, Source

Json = dict[str, Any]

SEQ, OP, KEPT = "_lakelet_seq", "_lakelet_op", "_lakelet_kept"
DELETED_AT = "_ab_cdc_deleted_at"
LEFT_OUT = "X"


@dataclass(frozen=True)
class Limits:
    """When a window ends: at the first end of a transaction after any of these is reached.

    `gather` seconds are counted from the window's first change, `idle` seconds without any change
    end an empty window. `target` False: go on as long as the limits allow; True: end where the log
    ended when it was opened (`log.caught_up` is True from then on).
    """

    rows: int = 1_000_000
    bytes: int = 1 << 30
    gather: float = 60.0
    idle: float = 10.0
    target: bool = True


@dataclass(frozen=True)
class Changes:
    """Changes of one stream, in the log's order; at most 256 MB.

    `columns` may differ from one batch to the next (the source's table was altered). `values`
    gives SQL over the batch's columns for values that `CAST(column AS type)` does not give.
    `nulled` maps a column to (SQL condition, reason) for values that have no place in the table.
    `operation` and `kept` are the SQL of OP and KEPT, `condition` that of which rows count.
    """

    stream: ConfiguredStream
    columns: tuple[Column, ...]
    batch: pa.Table
    values: Mapping[str, str] = field(default_factory=dict)
    nulled: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    operation: str = OP
    kept: str = KEPT
    condition: str | None = None


class ChangeLog(Protocol):
    """An open log."""

    lost: frozenset[str]
    """Keys of streams whose state the log does not reach back to: they are read anew."""

    caught_up: bool
    """Whether the last window ended at (or after) the end that the log had when it was opened, or
    when `aim` was called last."""

    def snapshot(self, stream: ConfiguredStream) -> AbstractContextManager[Reading]:
        """Read a stream whole; from then on the log goes on for it where the snapshot stands.

        All snapshots of one open log may be of one moment; without locking anything.
        """

    def window(self, limits: Limits) -> Iterator[Changes]:
        """Read on. When the iterator has ended, `states` are those of the window's end."""

    def states(self) -> dict[str, Json]:
        """Return each stream's state (by `ConfiguredStream.key`) at the end of the last window."""

    def aim(self) -> None:
        """Look where the log ends now: from here on `caught_up` is about that end."""

    def acknowledge(self) -> None:
        """Tell the server that all changes up to the end of the last window are safe."""

    def lag(self) -> int | None:
        """Return how many bytes of log the server holds that are not acknowledged; None: unknown.

        Called between windows, now and then. Raises ConnectorError when it is too much.
        """


class LogSource(Source, Protocol):
    """A source that may be read through its log."""

    def reads_log(self, config: Json) -> bool:
        """Whether this configuration has incremental streams read from the log."""

    def open_log(
        self,
        config: Json,
        streams: Sequence[ConfiguredStream],
        states: Mapping[str, Json | None],
        duck: DuckDBPyConnection,
        env: Environment,
    ) -> AbstractContextManager[ChangeLog]:
        """Open the log for `streams`, each to be continued from its state (None: no state yet)."""


def without_log_columns(stream: ConfiguredStream, added: Set[str]) -> ConfiguredStream:
    """Return the stream with its table's own columns only, without those that a log adds."""

    def own(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else tuple(n for n in names if n not in added) or None

    return replace(
        stream,
        known_columns=own(stream.known_columns),
        selected_columns=own(stream.selected_columns),
        cursor_field=None,
    )
