"""The domain's records, as the database holds them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

Kind = Literal["source", "destination"]
Json = dict[str, Any]

ACTIVE = ("pending", "running", "incomplete")
"""Statuses of a job that has not ended."""
STATUSES = (*ACTIVE, "queued", "failed", "succeeded", "cancelled")
"""Airbyte's statuses of jobs; none is ever `queued` here."""


@dataclass(frozen=True)
class Workspace:
    """Where connectors and connections belong; there is one."""

    id: UUID
    name: str
    slug: str
    created_at: datetime.datetime


@dataclass(frozen=True)
class Actor:
    """A configured source or destination. Secrets in `configuration` are encrypted."""

    id: UUID
    kind: Kind
    workspace_id: UUID
    definition_id: UUID
    name: str
    configuration: Json
    deleted: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime


@dataclass(frozen=True)
class Connection:
    """What is copied from which source to which destination, how and when."""

    id: UUID
    name: str
    source_id: UUID
    destination_id: UUID
    namespace_definition: str
    namespace_format: str | None
    prefix: str
    catalog: Json
    schedule_type: str
    schedule_data: Json | None
    status: str
    options: Json
    created_at: datetime.datetime
    updated_at: datetime.datetime


@dataclass(frozen=True)
class Attempt:
    """One try at a job. `stream_stats` is keyed by `namespace\\x1fname`."""

    job_id: int
    number: int
    status: str
    created_at: datetime.datetime
    updated_at: datetime.datetime
    ended_at: datetime.datetime | None
    stream_stats: Json
    failures: list[Json]

    def total(self, counter: str) -> int:
        """Return a counter (`recordsEmitted`, `bytesCommitted` …) summed over the streams."""
        return sum(int(stats.get(counter, 0)) for stats in self.stream_stats.values())


@dataclass(frozen=True)
class Job:
    """A sync, a reset … of a connection, with its attempts where they were asked for."""

    id: int
    config_type: str
    connection_id: UUID
    config: Json
    status: str
    created_at: datetime.datetime
    started_at: datetime.datetime | None
    updated_at: datetime.datetime
    next_attempt_at: datetime.datetime
    attempts: tuple[Attempt, ...] = field(default=())


@dataclass(frozen=True)
class StreamState:
    """How far a stream of a connection has been read; `namespace` is '' where there is none.

    `table_name`: the table that holds what was read (None: not known).
    """

    connection_id: UUID
    namespace: str
    name: str
    state: Json | None
    version: int
    generation: int
    table_name: str | None = None

    @property
    def key(self) -> str:
        """The stream's identity within its connection (see `ConfiguredStream.key`)."""
        return f"{self.namespace}\x1f{self.name}"

    def after(self, state: Json | None, version: int, generation: int) -> StreamState:
        """Return the stream's state after a commit."""
        return replace(self, state=state, version=version, generation=generation)
