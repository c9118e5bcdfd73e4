"""Buckets of equal width: histogram, and date_histogram with calendar or fixed intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, timedelta, tzinfo
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.state.aggs.base import MAX_BUCKETS, Bucket, Key, too_many_buckets
from services.elasticsearch.state.aggs.order import value_at
from services.elasticsearch.state.aggs.source import AggSource, Column
from services.elasticsearch.state.aggs.terms import spread
from services.elasticsearch.state.dates import (
    DateFormat,
    add,
    floor_to,
    from_millis,
    resolve,
    to_millis,
    zone,
)

_CALENDAR = {
    "minute": "m", "1m": "m", "hour": "h", "1h": "h", "day": "d", "1d": "d", "week": "w",
    "1w": "w", "month": "M", "1M": "M", "quarter": "q", "1q": "q", "year": "y", "1y": "y",
    "second": "s", "1s": "s",
}  # fmt: skip
_SQL_UNIT = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "M": "month",
    "q": "quarter", "y": "year",
}  # fmt: skip
_MILLIS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FAR = 10**15
_FIXED = re.compile(r"([+-]?\d+)(ms|s|m|h|d)$")


def fixed_millis(text: str) -> int:
    """Return a fixed interval or offset in milliseconds. Raises illegal_argument_exception."""
    found = _FIXED.match(str(text))
    if not found:
        raise illegal_argument(
            f"failed to parse setting [date_histogram.fixedInterval] with value [{text}] as a time "
            "value: unit is missing or unrecognized"
        )
    return int(found[1]) * _MILLIS[found[2]]


class DateInterval:
    """A date histogram's rounding: `sql` rounds a column, `following` steps to the next bucket."""

    def __init__(self, body: dict[str, Any], source: AggSource) -> None:
        if "interval" in body:
            raise illegal_argument(
                "[interval] is gone: use [fixed_interval] or [calendar_interval]"
            )
        calendar, fixed = body.get("calendar_interval"), body.get("fixed_interval")
        if (calendar is None) == (fixed is None):
            raise illegal_argument(
                "Invalid interval specified, must be non-null and one of [fixed_interval], "
                "[calendar_interval]"
            )
        self.unit, self.width = "", 0
        if calendar is not None:
            if calendar not in _CALENDAR:
                raise illegal_argument(
                    f"The supplied interval [{calendar}] could not be parsed as a calendar "
                    "interval."
                )
            self.unit = _CALENDAR[calendar]
        else:
            self.width = fixed_millis(str(fixed))
            if self.width <= 0:
                raise illegal_argument("Zero or negative time interval not supported")
        try:
            self.zone: tzinfo = zone(body.get("time_zone"))
        except ValueError as error:
            raise illegal_argument(str(error)) from error
        self.offset = fixed_millis(body["offset"]) if body.get("offset") else 0
        self._zone_name = source.bind(body["time_zone"]) if isinstance(self.zone, ZoneInfo) else ""

    def sql(self, value: str) -> str:
        """Return SQL that rounds milliseconds down to their bucket."""
        shifted = f"({value} - {self.offset})" if self.offset else value
        if self._zone_name and self._step:
            # Each instant by its own offset: an hour that comes twice is two hours.
            rounded = self._in_zone(shifted)
        elif self._zone_name:
            # Through the zone's own wall clock and back (daylight saving included).
            local = f"timezone({self._zone_name}, timezone('UTC', epoch_ms({shifted})))"
            trunc = f"date_trunc('{_SQL_UNIT[self.unit]}', {local})"
            rounded = f"epoch_ms(timezone({self._zone_name}, {trunc}))"
        else:
            ahead = int((self.zone.utcoffset(None) or timedelta()).total_seconds() * 1000)
            moved = f"({shifted} + {ahead})" if ahead else shifted
            if self.unit:
                rounded = f"epoch_ms(date_trunc('{_SQL_UNIT[self.unit]}', epoch_ms({moved})))"
            else:
                rounded = f"({moved} - (({moved} % {self.width}) + {self.width}) % {self.width})"
            rounded = f"({rounded} - {ahead})" if ahead else rounded
        return f"({rounded} + {self.offset})" if self.offset else rounded

    @property
    def _step(self) -> int:
        """The width of a bucket in milliseconds, hours and less as well; 0: days and more."""
        return self.width or (_MILLIS[self.unit] if self.unit in "smh" else 0)

    def _in_zone(self, millis: str) -> str:
        ahead = self._ahead_sql(millis)
        # So far before 1970 that no value is negative: whole division cuts towards zero.
        before = self._step * (_FAR // self._step + 1)
        floor = f"((({millis} + {ahead} + {before}) // {self._step}) * {self._step} - {before})"
        start = f"({floor} - {ahead})"
        if _MILLIS["h"] % self._step == 0 and self.offset % self._step == 0:
            return start  # clocks are changed where such a bucket ends
        # A bucket that began before the clocks were changed began by the offset of then.
        return f"({floor} - {self._ahead_sql(start)})"

    def _ahead_sql(self, millis: str) -> str:
        local = f"timezone({self._zone_name}, make_timestamptz({millis} * 1000))"
        return f"(epoch_ms({local}) - {millis})"

    def _ahead(self, millis: int) -> int:
        offset = from_millis(millis).astimezone(self.zone).utcoffset() or timedelta()
        return int(offset.total_seconds() * 1000)

    def following(self, millis: int) -> int:
        """Return the key of the bucket after that of key `millis`."""
        if self._step:
            key = self.floor(millis + self._step)
            # A bucket in which clocks are put back is longer than its width.
            return key if key > millis else self.floor(millis + 2 * self._step)
        local = from_millis(millis - self.offset).astimezone(self.zone).replace(tzinfo=None)
        unit, count = ("M", 3) if self.unit == "q" else (self.unit, 1)
        stepped = add(local, count, unit).replace(tzinfo=self.zone)
        return to_millis(stepped) + self.offset

    def floor(self, millis: int) -> int:
        """Return the key of the bucket that `millis` is in."""
        if self._step:
            shifted = millis - self.offset
            ahead = self._ahead(shifted)
            local = shifted + ahead - (shifted + ahead) % self._step
            then = self._ahead(local - ahead)  # another one when the clocks were changed since
            return local - then + self.offset
        moved = from_millis(millis - self.offset).astimezone(self.zone)
        if self.unit == "q":
            start = floor_to(moved, "M")
            start = start.replace(month=(start.month - 1) // 3 * 3 + 1)
        else:
            start = floor_to(moved, self.unit)
        return to_millis(start) + self.offset


class Intervals(Bucket):
    """What both histograms share: empty buckets, bounds, order, `keyed`."""

    def pairs(
        self, rows: list[tuple[Any, ...]], following: Callable[[Any], Any], low: Any, high: Any
    ) -> list[tuple[Any, int]]:
        """Return (key, count) by key, empty buckets filled in as asked for."""
        least = int(self.body.get("min_doc_count", 0))
        counts = {row[0]: row[1] for row in rows}
        if least == 0:
            known = [*counts, *(k for k in (low, high) if k is not None)]
            if known:
                key, last = min(known), max(known)
                filled: dict[Any, int] = {}
                while key <= last:
                    filled[key] = counts.get(key, 0)
                    if len(filled) > MAX_BUCKETS:
                        raise too_many_buckets()
                    key = following(key)
                counts = {**filled, **counts}
        return sorted((k, n) for k, n in counts.items() if n >= least)

    def ordered(self, buckets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the buckets by `order`: their key, their count or a value within them."""
        order = self.body.get("order") or []
        pairs = [p for o in (order if isinstance(order, list) else [order]) for p in o.items()]
        for path, direction in reversed(pairs):
            descending = str(direction).lower() == "desc"
            if path in ("_key", "_count"):
                name = "key" if path == "_key" else "doc_count"
                buckets.sort(key=itemgetter(name), reverse=descending)
                continue
            values = [(value_at(bucket, path, self.subs), bucket) for bucket in buckets]
            known = [v for v in values if v[0] is not None]
            known.sort(key=itemgetter(0), reverse=descending)
            buckets = [b for _, b in [*known, *(v for v in values if v[0] is None)]]
        return buckets

    def shape(self, buckets: list[dict[str, Any]], name: str) -> dict[str, Any]:
        """Return the response; `name`: the bucket's member that names it when `keyed`."""
        if self.body.get("keyed"):
            return {"buckets": {str(b.get(name, b["key"])): b for b in buckets}}
        return {"buckets": buckets}


class Histogram(Intervals):
    """`{"histogram": {"field", "interval", "offset", "min_doc_count", "extended_bounds"}}`."""

    allowed = frozenset(
        [
            "field",
            "interval",
            "offset",
            "min_doc_count",
            "extended_bounds",
            "hard_bounds",
            "keyed",
            "order",
            "missing",
            "script",
            "format",
        ]
    )

    @override
    def plan(self) -> None:
        self.column = _with_missing(self, self.field())
        if self.column.family in ("keyword", "ip", "binary"):
            raise illegal_argument(
                f"Field [{self.body['field']}] of type [{self.column.family}] is not supported for "
                "aggregation [histogram]"
            )
        self.interval = float(self.body.get("interval", 0))
        if self.interval <= 0:
            raise illegal_argument("[interval] must be >0 for histogram aggregation")
        self.offset = float(self.body.get("offset", 0))

    @override
    def keys(self) -> list[str]:
        width, offset = repr(self.interval), repr(self.offset)
        if self.column.family is None:
            return ["CAST(NULL AS DOUBLE)"]
        return [
            spread(
                self.column,
                lambda v: f"floor(({v}::DOUBLE - {offset}) / {width}) * {width} + {offset}",
            )
        ]

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        bounds = self.body.get("extended_bounds") or {}

        def floor(value: Any) -> float | None:
            if value is None:
                return None
            number = math.floor((float(value) - self.offset) / self.interval)
            return number * self.interval + self.offset

        def following(key: float) -> float:
            number = round((key - self.offset) / self.interval) + 1
            return number * self.interval + self.offset

        hard = self.body.get("hard_bounds") or {}
        first, last = floor(hard.get("min")), floor(hard.get("max"))
        rows = [
            r for r in rows if (first is None or r[0] >= first) and (last is None or r[0] <= last)
        ]
        pairs = self.pairs(rows, following, floor(bounds.get("min")), floor(bounds.get("max")))
        buckets = [{"key": k, "doc_count": n, **inner((k,))} for k, n in pairs]
        return self.shape(self.ordered(buckets), "key")


class DateHistogram(Intervals):
    """`{"date_histogram": {"field", "calendar_interval" | "fixed_interval", "time_zone" …}}`."""

    allowed = frozenset(
        [
            "field",
            "interval",
            "calendar_interval",
            "fixed_interval",
            "time_zone",
            "offset",
            "format",
            "min_doc_count",
            "extended_bounds",
            "hard_bounds",
            "keyed",
            "order",
            "missing",
            "script",
        ]
    )

    @override
    def plan(self) -> None:
        self.column = _with_missing(self, self.field())
        if self.column.family not in ("date", None):
            kind = self.column.field.type_name if self.column.field else self.column.family
            raise illegal_argument(
                f"Field [{self.body['field']}] of type [{kind}] is not supported for aggregation "
                "[date_histogram]"
            )
        self.interval = DateInterval(self.body, self.source)
        own = self.column.field.parameters.get("format") if self.column.field else None
        try:
            self.format = DateFormat(self.body.get("format") or own)
        except ValueError as error:
            raise illegal_argument(str(error)) from error
        self.low, self.high = self._bounds("extended_bounds")
        self.hard = self._bounds("hard_bounds")

    def _bounds(self, name: str) -> tuple[int | None, int | None]:
        bounds = self.body.get(name) or {}
        made = []
        for side in ("min", "max"):
            value = bounds.get(side)
            try:
                millis = (
                    None
                    if value is None
                    else resolve(value, self.format, at=self.interval.zone, now=self.source.now)
                )
            except ValueError:
                try:
                    millis = DateFormat().parse(value)
                except ValueError as error:
                    raise illegal_argument(str(error)) from error
            made.append(None if millis is None else self.interval.floor(millis))
        return made[0], made[1]

    @override
    def keys(self) -> list[str]:
        if self.column.family is None:
            return ["CAST(NULL AS BIGINT)"]
        return [spread(self.column, self.interval.sql)]

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        low, high = self.hard
        rows = [r for r in rows if (low is None or r[0] >= low) and (high is None or r[0] <= high)]
        buckets = [
            {
                "key_as_string": self.format.print(key, self.interval.zone),
                "key": key,
                "doc_count": count,
                **inner((key,)),
            }
            for key, count in self.pairs(rows, self.interval.following, self.low, self.high)
        ]
        return self.shape(self.ordered(buckets), "key_as_string")


def _with_missing(aggregation: Bucket, column: Column) -> Column:
    missing = aggregation.body.get("missing")
    if missing is None or column.family is None:
        return column
    value: Any = missing
    if column.family == "date":
        try:
            value = resolve(missing, DateFormat(), at=UTC, now=aggregation.source.now)
        except ValueError as error:
            raise illegal_argument(str(error)) from error
    placeholder = aggregation.source.bind(value)
    stand_in = f"[{placeholder}]" if column.multi else placeholder
    return Column(f"coalesce({column.sql}, {stand_in})", column.family, column.multi, column.field)
