"""Buckets by condition: filter, filters, missing, range, date_range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument, parsing
from services.elasticsearch.state.aggs.base import Bucket, Key
from services.elasticsearch.state.dates import DateFormat, resolve, zone


class Numbered(Bucket):
    """Buckets known beforehand, by number; a document may be in several of them."""

    conditions: list[str]

    @override
    def keys(self) -> list[str]:
        numbered = ", ".join(
            f"CASE WHEN {condition} THEN {number} END"
            for number, condition in enumerate(self.conditions)
        )
        return [f"unnest(list_filter([{numbered}], lambda n: n IS NOT NULL))"]

    @staticmethod
    def counts(rows: list[tuple[Any, ...]]) -> dict[int, int]:
        """Return number → count."""
        return {row[0]: row[1] for row in rows}


class Filter(Numbered):
    """`{"filter": query}`; also `missing`."""

    def __init__(self, kind: str, body: dict[str, Any], *rest: Any) -> None:
        self.allowed = frozenset(body)
        super().__init__(kind, body, *rest)

    @override
    def plan(self) -> None:
        self.conditions = [self.source.condition(self.body)]

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        return {"doc_count": self.counts(rows).get(0, 0), **inner((0,))}


class Missing(Filter):
    """`{"missing": {"field"}}`: documents without a value."""

    @override
    def plan(self) -> None:
        if "field" not in self.body:
            raise parsing("[missing] requires a [field]")
        query = {"bool": {"must_not": [{"exists": {"field": self.body["field"]}}]}}
        self.conditions = [self.source.condition(query)]


class Filters(Numbered):
    """`{"filters": {"filters": {name: query} | [query], "other_bucket", "other_bucket_key"}}`."""

    allowed = frozenset({"filters", "other_bucket", "other_bucket_key", "keyed"})

    @override
    def plan(self) -> None:
        wanted = self.body.get("filters")
        if not isinstance(wanted, dict | list) or not wanted:
            raise illegal_argument("[filters] cannot be empty")
        self.names: list[str] | None = list(wanted) if isinstance(wanted, dict) else None
        queries = list(wanted.values()) if isinstance(wanted, dict) else wanted
        self.conditions = [self.source.condition(q) for q in queries]
        if self.body.get("other_bucket") or "other_bucket_key" in self.body:
            self.conditions.append(f"NOT ({' OR '.join(self.conditions)})")
            if self.names is not None:
                self.names.append(self.body.get("other_bucket_key", "_other_"))

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        counts = self.counts(rows)
        buckets = [
            {"doc_count": counts.get(n, 0), **inner((n,))} for n in range(len(self.conditions))
        ]
        if self.names is None:
            return {"buckets": buckets}
        if self.body.get("keyed") is False:
            named = zip(self.names, buckets, strict=True)
            return {"buckets": [{"key": name, **bucket} for name, bucket in named]}
        return {"buckets": dict(zip(self.names, buckets, strict=True))}


class Range(Numbered):
    """`{"range": {"field", "ranges": [{"from", "to", "key"}], "keyed"}}`: from ≤ value < to."""

    allowed = frozenset({"field", "ranges", "keyed", "missing", "script", "format"})

    @override
    def plan(self) -> None:
        self.column = self.field()
        ranges = self.body.get("ranges")
        if not ranges:
            raise illegal_argument(f"No [ranges] specified for the [{self.kind}] aggregation")
        sql = self.column.sql
        made = []
        for wanted in ranges:
            low, high = self.limit(wanted.get("from")), self.limit(wanted.get("to"))
            made.append((low, high, wanted.get("key")))
        made.sort(key=lambda r: (r[0] is not None, r[0] or 0, r[1] is None, r[1] or 0))
        self.ranges = made
        self.conditions = []
        for low, high, _ in made:
            low_name = self.source.bind(low) if low is not None else None
            high_name = self.source.bind(high) if high is not None else None

            def condition(
                value: str, low: str | None = low_name, high: str | None = high_name
            ) -> str:
                tests = [f"{value} IS NOT NULL"]
                tests += [f"{value} >= {low}"] if low else []
                tests += [f"{value} < {high}"] if high else []
                return " AND ".join(tests)

            if self.column.family is None:
                self.conditions.append("FALSE")
            elif self.column.multi:
                self.conditions.append(f"len(list_filter({sql}, lambda v: {condition('v')})) > 0")
            else:
                self.conditions.append(condition(sql))

    def limit(self, value: Any) -> Any:
        """Return a range's end as the column holds values."""
        return None if value is None else float(value)

    def text(self, value: Any) -> str:
        """Return a range's end as keys show it."""
        return "*" if value is None else str(value)

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        counts, buckets = self.counts(rows), []
        for number, (low, high, key) in enumerate(self.ranges):
            bucket: dict[str, Any] = {"key": key or f"{self.text(low)}-{self.text(high)}"}
            for name, value in (("from", low), ("to", high)):
                if value is not None:
                    bucket[name] = float(value)
                    if self.kind == "date_range":
                        bucket[f"{name}_as_string"] = self.text(value)
            bucket["doc_count"] = counts.get(number, 0)
            buckets.append({**bucket, **inner((number,))})
        if self.body.get("keyed"):
            return {"buckets": {b.pop("key"): b for b in buckets}}
        return {"buckets": buckets}


class DateRange(Range):
    """`{"date_range": …}` with date math."""

    allowed = Range.allowed | {"time_zone"}

    @override
    def plan(self) -> None:
        column = self.field()
        own = column.field.parameters.get("format") if column.field else None
        try:
            self.format = DateFormat(self.body.get("format") or own)
            self.zone = zone(self.body.get("time_zone"))
        except ValueError as error:
            raise illegal_argument(str(error)) from error
        super().plan()

    @override
    def limit(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return resolve(value, self.format, at=self.zone, now=self.source.now)
        except ValueError as error:
            raise illegal_argument(str(error)) from error

    @override
    def text(self, value: Any) -> str:
        return "*" if value is None else self.format.print(int(value), self.zone)
