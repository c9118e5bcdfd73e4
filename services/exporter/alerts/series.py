"""The samples of the last minutes, in memory: only of the metrics that rules name.

As in Prometheus: a series that a scrape lacks ends there (a stale mark, here None); one that is
just not told anew still counts for five minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOOKBACK = 300.0

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """One value of one series at one moment."""

    name: str
    labels: dict[str, str]
    value: float


class Series:
    """Points by metric and labels; `names`: the metrics to keep; `keep`: seconds."""

    def __init__(self, names: Iterable[str], keep: float) -> None:
        self._names = frozenset(names)
        self._keep = max(keep, LOOKBACK)
        self._points: dict[str, dict[Labels, deque[tuple[float, float | None]]]] = {}

    def scrape(self, at: float, samples: Iterable[Sample]) -> None:
        """Add the samples of one whole scrape; series it lacks are ended."""
        present = set()
        for sample in samples:
            if sample.name in self._names:
                self.put(at, sample)
                present.add((sample.name, key(sample.labels)))
        for name, found in self._points.items():
            for labels, points in found.items():
                if (name, labels) not in present and points[-1][1] is not None:
                    points.append((at, None))
        self._forget(at)

    def put(self, at: float, sample: Sample) -> None:
        """Add one sample."""
        found = self._points.setdefault(sample.name, {})
        found.setdefault(key(sample.labels), deque()).append((at, sample.value))

    def end(self, at: float, name: str, labels: dict[str, str]) -> None:
        """Mark a series as ended."""
        self._points.setdefault(name, {}).setdefault(key(labels), deque()).append((at, None))

    def instant(self, name: str, at: float) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and newest value of each series that has not ended."""
        for labels, points in self._points.get(name, {}).items():
            newest = next((p for p in reversed(points) if p[0] <= at), None)
            if newest and newest[1] is not None and newest[0] > at - LOOKBACK:
                yield dict(labels), newest[1]

    def window(
        self, name: str, at: float, seconds: float
    ) -> Iterator[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Yield labels and the points of the last `seconds`."""
        for labels, points in self._points.get(name, {}).items():
            inside = [(t, v) for t, v in points if at - seconds <= t <= at and v is not None]
            if inside:
                yield dict(labels), inside

    def _forget(self, now: float) -> None:
        for found in self._points.values():
            for labels in list(found):
                points = found[labels]
                while points and points[0][0] < now - self._keep:
                    points.popleft()
                if not points or (len(points) == 1 and points[0][1] is None):
                    del found[labels]


def key(labels: dict[str, str]) -> Labels:
    """Return labels in the form they are kept in."""
    return tuple(sorted(labels.items()))
