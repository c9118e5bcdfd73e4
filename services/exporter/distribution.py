"""A histogram that is filled from counted rows, and can be added to another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily


class Distribution:
    """Counts by bucket; bucket `i` holds what is above bound `i - 1` and not above bound `i`."""

    def __init__(self, bounds: Iterable[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value."""
        self.add(sum(bound < seconds for bound in self._bounds), 1, seconds)

    def add(self, bucket: int, count: int, total: float) -> None:
        """Count `count` values of one bucket, `total` seconds together."""
        self._counts[bucket] += count
        self._sum += total

    def plus(self, other: Distribution | None) -> Distribution:
        """Return both together."""
        both = Distribution(self._bounds)
        for each in (self, *([other] if other else [])):
            both._sum += each._sum
            both._counts = [a + b for a, b in zip(both._counts, each._counts, strict=True)]
        return both

    def into(self, family: HistogramMetricFamily, labels: Iterable[str]) -> None:
        """Add this to a family, under `labels`."""
        names = [*(repr(float(bound)) for bound in self._bounds), "+Inf"]
        counts = [float(n) for n in accumulate(self._counts)]
        family.add_metric(list(labels), list(zip(names, counts, strict=True)), self._sum)
