"""All collectors as one, each on its own: what one cannot read does not hide the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import psycopg
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.common.errors import LakeletError
from services.common.settings import Settings
from services.exporter.alerts.series import Sample
from services.exporter.catalogue import gauge
from services.exporter.collect.airbyte import Airbyte
from services.exporter.collect.airbyte_queries import VENDOR
from services.exporter.collect.dbt import Dbt
from services.exporter.collect.disk import Disk
from services.exporter.collect.dremio import Dremio
from services.exporter.collect.dremio_jobs import DremioJobs
from services.exporter.collect.postgres import Postgres
from services.exporter.collect.services import Services
from services.exporter.collect.shipper import Shipper
from services.exporter.collect.storage import Storage
from services.exporter.collect.superset import Superset
from services.exporter.database import Database
from services.exporter.dremio_rest import DremioRest

_FRESH = 2.0  # seconds; two readers at once cost one reading

log = logging.getLogger(__name__)


Collectors = dict[str, Callable[[], Iterable[Metric]]]


class Metrics(Collector):
    """Reads everything when asked; also keeps the samples of the services' own `/metrics`."""

    def __init__(self, settings: Settings) -> None:
        self._closing: list[Callable[[], None]] = []
        self._starting: list[Callable[[], None]] = []
        self._services: Services | None = None
        vendors = settings.exporter_reads == "vendors"
        self._collectors = self._of_vendors(settings) if vendors else self._of_embedded(settings)
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self._last: tuple[float, list[Metric]] = (float("-inf"), [])

    def start(self) -> None:
        """Begin what goes on beside the scrapes."""
        for start in self._starting:
            start()

    def close(self) -> None:
        """Close every connection."""
        for close in self._closing:
            close()

    def collect(self) -> Iterator[Metric]:
        """Yield all families, read now (or moments ago, by someone else)."""
        with self._lock:
            if time.monotonic() - self._last[0] > _FRESH:
                families = list(self._read())
                self._last = (time.monotonic(), families)
            yield from self._last[1]

    @property
    def scraped(self) -> list[Sample]:
        """Return what the services' own `/metrics` said; the vendors' are asked for none."""
        return self._services.scraped if self._services else []

    def _of_embedded(self, settings: Settings) -> Collectors:
        self._services = services = Services(settings)
        storage = Storage(settings)
        self._starting.append(storage.start)
        self._closing += [storage.stop, services.close]
        return {
            "airbyte": Airbyte(self._database(settings, "airbyte"), _stale_after(settings)),
            "dremio": Dremio(self._database(settings, "dremio"), settings.slow_query_seconds),
            "postgres": Postgres(self._database(settings, "postgres")),
            "superset": Superset(self._database(settings, "superset")),
            "storage": storage,
            "dbt": Dbt(settings.data_dir / "dbt" / "steps"),
            "disk": Disk(settings.data_dir, settings.disk_reserve_bytes),
            "shipper": Shipper(settings),
            "services": services,
        }

    def _of_vendors(self, settings: Settings) -> Collectors:
        """Return what the vendors' own exporters do not say (see vendors.yml for the rest)."""
        dremio = DremioRest(settings)
        self._closing.append(dremio.close)
        database = self._database(settings, "airbyte")
        return {
            "airbyte": Airbyte(database, _stale_after(settings), VENDOR),
            "dremio": DremioJobs(dremio, settings.slow_query_seconds),
            "superset": Superset(self._database(settings, "superset")),
            "dbt": Dbt(settings.data_dir / "dbt" / "steps"),
        }

    def _database(self, settings: Settings, name: str) -> Database:
        made = Database(settings.postgres_dsn(name))
        self._closing.append(made.close)
        return made

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read (prometheus_client asks for names else)."""
        return []

    def _read(self) -> Iterator[Metric]:
        up, took = gauge("lakelet_collector_up"), gauge("lakelet_collector_seconds")
        for name, collector in self._collectors.items():
            began = time.perf_counter()
            try:
                families = list(collector())
            except (psycopg.Error, LakeletError, OSError, ValueError, KeyError) as error:
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


def _stale_after(settings: Settings) -> float:
    return settings.stale_after_hours * 3600
