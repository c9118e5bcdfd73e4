"""All collectors as one, each on its own: what one cannot read does not hide the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import psycopg
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.common.settings import Settings
from services.exporter.catalogue import gauge
from services.exporter.collect.airbyte import Airbyte
from services.exporter.collect.dbt import Dbt
from services.exporter.collect.disk import Disk
from services.exporter.collect.dremio import Dremio
from services.exporter.collect.postgres import Postgres
from services.exporter.collect.services import Services
from services.exporter.collect.shipper import Shipper
from services.exporter.collect.storage import Storage
from services.exporter.collect.superset import Superset
from services.exporter.database import Database

_FRESH = 2.0  # seconds; two readers at once cost one reading

log = logging.getLogger(__name__)


class Metrics(Collector):
    """Reads everything when asked; `services` also keeps the services' own samples."""

    def __init__(self, settings: Settings) -> None:
        self._databases = {
            name: Database(settings.postgres_dsn(name))
            for name in ("airbyte", "dremio", "postgres", "superset")
        }
        self.services = Services(settings)
        self._storage = Storage(settings)
        self._collectors: dict[str, Callable[[], Iterable[Metric]]] = {
            "airbyte": Airbyte(self._databases["airbyte"], settings.stale_after_hours * 3600),
            "dremio": Dremio(self._databases["dremio"], settings.slow_query_seconds),
            "postgres": Postgres(self._databases["postgres"]),
            "superset": Superset(self._databases["superset"]),
            "storage": self._storage,
            "dbt": Dbt(settings.data_dir / "dbt" / "steps"),
            "disk": Disk(settings.data_dir, settings.disk_reserve_bytes),
            "shipper": Shipper(settings),
            "services": self.services,
        }
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self._last: tuple[float, list[Metric]] = (float("-inf"), [])

    def start(self) -> None:
        """Begin what goes on beside the scrapes."""
        self._storage.start()

    def close(self) -> None:
        """Close every connection."""
        self._storage.stop()
        self.services.close()
        for database in self._databases.values():
            database.close()

    def collect(self) -> Iterator[Metric]:
        """Yield all families, read now (or moments ago, by someone else)."""
        with self._lock:
            if time.monotonic() - self._last[0] > _FRESH:
                families = list(self._read())
                self._last = (time.monotonic(), families)
            yield from self._last[1]

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read (prometheus_client asks for names else)."""
        return []

    def _read(self) -> Iterator[Metric]:
        up, took = gauge("lakelet_collector_up"), gauge("lakelet_collector_seconds")
        for name, collector in self._collectors.items():
            began = time.perf_counter()
            try:
                families = list(collector())
            except (psycopg.Error, OSError, ValueError, KeyError) as error:
                families = []
                self._note(name, error)
            else:
                self._note(name, None)
            up.add_metric([name], float(name not in self._failed))
            took.add_metric([name], time.perf_counter() - began)
            yield from families
        yield from (up, took)

    def _note(self, name: str, error: Exception | None) -> None:
        if error is None:
            self._failed.discard(name)
        elif name not in self._failed:
            self._failed.add(name)
            log.warning("cannot read %s: %s", name, str(error).partition("\n")[0])
