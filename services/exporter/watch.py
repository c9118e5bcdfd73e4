"""The watch: read, evaluate, tell; again and again, where no Prometheus does."""

from __future__ import annotations

import logging
import threading
import time

from services.common.settings import Settings
from services.exporter.alerts import promql
from services.exporter.alerts.notify import notifiers
from services.exporter.alerts.rules import read_rules
from services.exporter.alerts.sending import Outbox
from services.exporter.alerts.series import Sample, Series
from services.exporter.alerts.state import Alert, States
from services.exporter.metrics import Metrics

log = logging.getLogger(__name__)


class Watch:
    """Raises ConfigError when the rules cannot be evaluated."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        rules = read_rules(settings.rules_file)
        read = [read for rule in rules for read in promql.names(rule.expression)]
        self._metrics = metrics
        self._interval = settings.metrics_interval_seconds
        self._series = Series((name for name, _ in read), max((s for _, s in read), default=0))
        folder = settings.data_dir / "exporter"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._states = States(rules, folder / "alerts.json")
        self._outboxes = [Outbox(notifier) for notifier in notifiers(settings)]

    def run(self, stopping: threading.Event) -> None:
        """Watch until `stopping` is set."""
        while not stopping.is_set():
            began = time.monotonic()
            try:
                self.look()
            except Exception:
                log.exception("the alerts could not be evaluated; the next look comes")
            stopping.wait(max(0.5, self._interval - (time.monotonic() - began)))
        for outbox in self._outboxes:
            outbox.stop()

    def look(self) -> None:
        """Look once."""
        samples = [
            Sample(each.name, each.labels, each.value)
            for family in self._metrics.collect()
            for each in family.samples
        ]
        now = time.time()
        self._series.scrape(now, samples + self._metrics.scraped)
        changed = self._states.evaluate(self._series, now)
        if changed:
            self.tell(changed)

    def tell(self, alerts: list[Alert]) -> None:
        """Hand alerts to every notifier."""
        for outbox in self._outboxes:
            outbox.add(alerts)

    def active(self) -> list[Alert]:
        """Return what is pending or firing."""
        return self._states.active()
