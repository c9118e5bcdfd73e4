"""What the engine's parts share: one of each per process."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

import duckdb
from psycopg_pool import ConnectionPool

from services.dremio.state.access.access import Access
from services.dremio.state.access.policies import Policies
from services.dremio.state.audit import Audit
from services.dremio.state.catalog.catalog import Catalog
from services.dremio.state.catalog.entities import Entities, Path, key
from services.dremio.state.jobs.cache import ResultCache
from services.dremio.state.jobs.history import History
from services.dremio.state.jobs.slots import Slots
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.limits import Limits
from services.dremio.state.options import Options
from services.dremio.state.reflections.registry import Reflections
from services.dremio.state.sources.registry import Sources
from services.dremio.state.users import Users
from services.dremio.state.vault import Vault


@dataclass
class Core:
    """The process's state, handed to every statement."""

    database: duckdb.DuckDBPyConnection
    pool: ConnectionPool
    entities: Entities
    lakes: Lakes
    catalog: Catalog
    users: Users
    access: Access
    policies: Policies
    audit: Audit
    limits: Limits
    options: Options
    slots: Slots
    cache: ResultCache
    vault: Vault
    history: History
    reflections: Reflections
    version: str
    _writers: defaultdict[str, threading.RLock] = field(
        default_factory=lambda: defaultdict(threading.RLock)
    )

    @property
    def sources(self) -> Sources:
        """The open sources of the catalog."""
        return self.catalog.sources

    def writing(self, path: Path) -> threading.RLock:
        """Return the lock that a writer of the table at `path` holds: one writer at a time."""
        return self._writers[key(path)]
