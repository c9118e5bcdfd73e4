"""The services: whether each answers, and how many requests it serves."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from services.common.debian import runs_prometheus
from services.common.health import MONITORING, QUESTIONS, answers
from services.common.settings import Settings
from services.common.targets import metrics_pages
from services.exporter.alerts.series import Sample
from services.exporter.catalogue import gauge

_WINDOW = 60.0


class Services:
    """Collects, all services side by side; keeps what the services' own pages said last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Not itself: were it down, nobody would read that. Prometheus' `up` tells of it.
        absent = {"exporter"} | (set() if runs_prometheus(settings) else MONITORING)
        absent |= set() if settings.backup_every else {"backups"}
        self._asked = [name for name in QUESTIONS if name not in absent]
        self._pages = {
            name: page.geturl()
            for name, page in metrics_pages(settings).items()
            if name != "exporter"
        }
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="ask")
        self._client = httpx.Client(timeout=4, trust_env=False)
        self._counts: dict[str, deque[tuple[float, float]]] = {}
        self.scraped: list[Sample] = []
        """The services' own metrics and an `up` for each, as Prometheus would have them."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._pool.shutdown(wait=False)

    def __call__(self) -> Iterator[Metric]:
        """Yield the families."""
        pages = self._pool.map(self._page, self._pages.items())
        up = gauge("lakelet_service_up")
        healthy = self._pool.map(lambda name: answers(name, self._settings), self._asked)
        for name, well in zip(self._asked, healthy, strict=True):
            up.add_metric([name], float(well))
        yield up
        rates = gauge("api_requests_per_second")
        scraped: list[Sample] = []
        for name, samples in pages:
            scraped += samples
            rate = self._rate(name, samples)
            if rate is not None:
                rates.add_metric([name], rate)
        self.scraped = scraped
        yield rates

    def _page(self, target: tuple[str, str]) -> tuple[str, list[Sample]]:
        name, address = target
        try:
            answer = self._client.get(address)
            answer.raise_for_status()
            families = list(text_string_to_metric_families(answer.text))
        except (httpx.HTTPError, ValueError):
            return name, [Sample("up", {"job": name}, 0.0)]
        found = [Sample("up", {"job": name}, 1.0)]
        for family in families:
            for each in family.samples:
                found.append(Sample(each.name, {**each.labels, "job": name}, float(each.value)))
        return name, found

    def _rate(self, name: str, samples: list[Sample]) -> float | None:
        """Return requests a second over the window; None until there are two looks."""
        now = time.monotonic()
        kept = self._counts.setdefault(name, deque())
        total = sum(s.value for s in samples if s.name == "api_requests_total")
        if not any(s.name == "api_requests_total" for s in samples):
            kept.clear()
            return None
        if kept and total < kept[-1][1]:
            kept.clear()  # the service began anew
        kept.append((now, total))
        while len(kept) > 2 and kept[1][0] <= now - _WINDOW:
            kept.popleft()
        first = kept[0]
        return (total - first[1]) / (now - first[0]) if now > first[0] else None
