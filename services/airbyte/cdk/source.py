"""The interface of a built-in source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from duckdb import DuckDBPyConnection

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.columns import Column

Json = dict[str, Any]


@dataclass(frozen=True)
class Environment:
    """What a source may use besides its configuration.

    `inbox` is the only folder whose files may be read; `dead_letters` stores refused records
    (stream name, lines) and returns where; `log` writes a line (and its level, else INFO) to the
    attempt's log; `folder` is the server's data folder; `silence` is how many seconds a connector
    may say nothing; `config_changed` stores a configuration that a connector itself has changed.
    """

    inbox: Path
    s3_endpoint: str
    s3_key: str
    s3_secret: str
    log: Callable[..., None]
    dead_letters: Callable[[str, Sequence[Json]], str]
    folder: Path = Path()
    silence: float = 10_800.0
    config_changed: Callable[[Json], None] = lambda _: None


@dataclass(frozen=True)
class Reading:
    """One stream being read: `relation` is what DuckDB selects from, in the order of `columns`.

    `state` is asked for after the last row was written. `unique_key` says that no two rows
    have the same primary key. `nulled` maps a column to (SQL condition, reason) for values that
    have no place in the table: they become null and are noted in `_airbyte_meta`. `changes` names a
    column of the relation with what was already changed in a row; `order` one by which the last
    of several rows with the same key and cursor is told; `stored` says that `order` is each row's
    own number, the same whenever the relation is read. `estimated_rows` and `estimated_bytes` are
    what the source believes there is to read.
    """

    columns: tuple[Column, ...]
    relation: str
    state: Callable[[], Json | None]
    unique_key: bool = False
    nulled: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: str | None = None
    order: str | None = None
    stored: bool = False
    estimated_rows: int | None = None
    estimated_bytes: int | None = None


class Source(Protocol):
    """A kind of source. Every method raises ConnectorError saying what to do."""

    def check(self, config: Json, env: Environment) -> None:
        """Return when the configuration works."""

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the streams that can be read."""

    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: DuckDBPyConnection,
        env: Environment,
    ) -> AbstractContextManager[Reading]:
        """Read `stream` from `state` on (None: from the beginning)."""
