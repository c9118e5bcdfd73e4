"""Scrolls and points in time: searches that go on over the data as it was when they began."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import duckdb

from services.elasticsearch.errors import RequestError, illegal_argument
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.names import Target
from services.elasticsearch.state.request import SearchRequest

LIMIT = 100  # open at once; Elasticsearch allows 500
_LONGEST = 24 * 3600.0


@dataclass
class OpenContext:
    """A snapshot held for a client until `expires` (monotonic seconds)."""

    cursor: duckdb.DuckDBPyConnection
    targets: list[Target]
    expires: float
    keep_alive: float
    request: SearchRequest | None = None  # of a scroll
    returned: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Cursors:
    """The open scrolls and points in time of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[str, OpenContext] = {}
        self._lock = threading.Lock()

    def open(
        self, targets: list[Target], keep_alive: float, **extra: Any
    ) -> tuple[str, OpenContext]:
        """Take a snapshot kept for `keep_alive` seconds. Raises when too many are open."""
        if keep_alive > _LONGEST:
            raise illegal_argument(
                "Keep alive for request is too large. It must be less than (1d)."
            )
        self.expire()
        with self._lock:
            if len(self._open) >= LIMIT:
                raise RequestError(
                    429,
                    "circuit_breaking_exception",
                    f"Trying to create too many scroll contexts. Must be less than or equal to: "
                    f"[{LIMIT}].",
                )
            identifier = base64.urlsafe_b64encode(secrets.token_bytes(30)).decode()
            context = OpenContext(
                self._database.snapshot(),
                targets,
                time.monotonic() + keep_alive,
                keep_alive,
                **extra,
            )
            self._open[identifier] = context
        return identifier, context

    def get(self, identifier: str, keep_alive: float | None) -> OpenContext:
        """Return an open context and prolong it. Raises search_context_missing_exception."""
        self.expire()
        context = self._open.get(identifier)
        if context is None:
            cause = {
                "type": "search_context_missing_exception",
                "reason": f"No search context found for id [{identifier[:12]}]",
            }
            raise RequestError(
                404,
                "search_phase_execution_exception",
                "all shards failed",
                root_cause=[cause],
                caused_by=cause,
            )
        context.keep_alive = keep_alive or context.keep_alive
        context.expires = time.monotonic() + context.keep_alive
        return context

    def close(self, identifiers: list[str] | None) -> int:
        """Close some (None: all); return how many there were."""
        with self._lock:
            names = list(self._open) if identifiers is None else identifiers
            gone = [c for n in names if (c := self._open.pop(n, None))]
        for context in gone:
            _end(context)
        return len(gone)

    def expire(self) -> None:
        """Close those whose time is up."""
        now = time.monotonic()
        late = [name for name, context in list(self._open.items()) if context.expires < now]
        if late:
            self.close(late)

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)


def _end(context: OpenContext) -> None:
    with context.lock:
        context.cursor.execute("ROLLBACK")
        context.cursor.close()
