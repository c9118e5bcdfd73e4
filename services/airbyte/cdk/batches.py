"""The interface of a source that gives all its streams in one go, a batch with its state at a time.

A connector that is a process of its own is such a source: it sends rows of its streams in any
order, and states in between. What a state covers is committed together with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from duckdb import DuckDBPyConnection

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.source import Environment, Reading, Source

Json = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Rows of one stream with the state after them: one commit. `last`: the stream has ended."""

    stream: ConfiguredStream
    reading: Reading
    last: bool


class BatchSource(Source, Protocol):
    """A source that is read as a whole."""

    def batches(
        self,
        config: Json,
        streams: Sequence[ConfiguredStream],
        states: Mapping[str, Json | None],
        duck: DuckDBPyConnection,
        env: Environment,
    ) -> AbstractContextManager[Iterator[list[Batch]]]:
        """Read `streams`, each from its state on (by `ConfiguredStream.key`; None: from the start).

        Each list of batches belongs together: a state covers all of them. Rows of a stream that
        is read in full come as one batch, when the stream has ended. The iterator raises
        ConnectorError at the end, after it has given what was complete.
        """
