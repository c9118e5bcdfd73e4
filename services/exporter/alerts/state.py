"""Which alerts are pending or firing, over a restart too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from services.exporter.alerts import promql
from services.exporter.alerts.rules import Rule
from services.exporter.alerts.series import Labels, Series, key


@dataclass(frozen=True)
class Alert:
    """One alert; times are seconds since 1970; `ended`: when it stopped (None: it has not)."""

    labels: dict[str, str]
    annotations: dict[str, str]
    since: float
    value: float
    firing: bool
    ended: float | None = None

    @property
    def name(self) -> str:
        """Return the rule's name."""
        return self.labels["alertname"]


class States:
    """Evaluates the rules and knows what changed; `path`: where firing alerts are kept."""

    def __init__(self, rules: tuple[Rule, ...], path: Path | None = None) -> None:
        self._rules = rules
        self._path = path
        self._active: dict[Labels, Alert] = {}
        if path is not None and path.exists():
            try:
                kept = [Alert(**alert) for alert in json.loads(path.read_text())]
                self._active = {key(alert.labels): alert for alert in kept}
            except (ValueError, TypeError):
                self._active = {}  # of another version: what still holds fires anew

    def evaluate(self, series: Series, at: float) -> list[Alert]:
        """Bring the alerts up to date; return those that began to fire or ended."""
        found: dict[Labels, Alert] = {}
        for rule in self._rules:
            for labels, value in promql.vector(rule.expression, series, at):
                whole = {**labels, **rule.labels}
                before = self._active.get(key(whole))
                since = before.since if before else at
                firing = at - since >= rule.wait or (before is not None and before.firing)
                told = rule.told(labels, value)
                found[key(whole)] = Alert(whole, told, since, value, firing)
        began = [
            alert
            for labels, alert in found.items()
            if alert.firing and not (labels in self._active and self._active[labels].firing)
        ]
        gone = [
            replace(alert, ended=at, firing=False)
            for labels, alert in self._active.items()
            if alert.firing and labels not in found
        ]
        self._active = found
        if began or gone:
            self._save()
        return began + gone

    def active(self) -> list[Alert]:
        """Return the alerts that are pending or firing, by name."""
        return sorted(self._active.values(), key=lambda a: (a.name, key(a.labels)))

    def _save(self) -> None:
        if self._path is None:
            return
        unfinished = self._path.with_suffix(".unfinished")
        firing = [asdict(alert) for alert in self._active.values() if alert.firing]
        unfinished.write_text(json.dumps(firing))
        unfinished.replace(self._path)
