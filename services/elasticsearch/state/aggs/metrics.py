"""Single and several numbers of a field: avg, sum, min, max, stats, percentiles, cardinality …"""

from __future__ import annotations

import math
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.state.aggs.base import Metric
from services.elasticsearch.state.aggs.source import Column
from services.elasticsearch.state.dates import DateFormat

_DEFAULT_PERCENTS = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]


class FieldMetric(Metric):
    """A metric of one numeric (or date, boolean) field; `missing` stands in for no value."""

    allowed = frozenset({"field", "missing", "script", "format", "value_type"})
    numeric = True

    @override
    def plan(self) -> None:
        self.column: Column = self.field()
        if self.numeric and self.column.family in ("keyword", "ip", "binary"):
            name = self.column.field.type_name if self.column.field else "keyword"
            raise illegal_argument(
                f"Field [{self.body['field']}] of type [{name}] is not supported for "
                f"aggregation [{self.kind}]"
            )
        missing = self.body.get("missing")
        sql = self.column.sql
        if missing is not None:
            value = (
                f"[{self.source.bind(missing)}]" if self.column.multi else self.source.bind(missing)
            )
            sql = f"coalesce({sql}, {value})"
        if self.column.family is None:
            sql = f"CAST({sql} AS DOUBLE)"
        elif self.column.family == "boolean" and self.numeric:
            sql = (
                f"list_transform({sql}, lambda b: b::INT)" if self.column.multi else f"({sql})::INT"
            )
        self.sql = sql

    def total(self) -> str:
        """SQL of the sum."""
        inner = f"list_sum({self.sql})" if self.column.multi else self.sql
        return f"sum({inner})::DOUBLE"

    def count(self) -> str:
        """SQL of the number of values."""
        return (
            f"coalesce(sum(len({self.sql})), 0)::BIGINT"
            if self.column.multi
            else f"count({self.sql})"
        )

    def lowest(self) -> str:
        """SQL of the minimum."""
        return f"min(list_min({self.sql}))" if self.column.multi else f"min({self.sql})"

    def highest(self) -> str:
        """SQL of the maximum."""
        return f"max(list_max({self.sql}))" if self.column.multi else f"max({self.sql})"

    def with_text(self, name: str, value: Any) -> dict[str, Any]:
        """Return the value, for dates (and with `format`) also as a text."""
        made: dict[str, Any] = {name: float(value) if value is not None else None}
        if value is not None and self.column.family == "date":
            pattern = self.body.get("format")
            if pattern is None and self.column.field:
                pattern = self.column.field.parameters.get("format")
            made[f"{name}_as_string"] = DateFormat(pattern).print(int(value))
        return made


class Average(FieldMetric):
    """avg."""

    @override
    def expressions(self) -> list[str]:
        return [f"{self.total()} / nullif({self.count()}, 0)"]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        return self.with_text("value", values[0])


class Sum(FieldMetric):
    """sum."""

    @override
    def expressions(self) -> list[str]:
        return [f"coalesce({self.total()}, 0)"]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        return self.with_text("value", values[0] or 0.0)


class Minimum(FieldMetric):
    """min."""

    @override
    def expressions(self) -> list[str]:
        return [self.lowest()]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        return self.with_text("value", values[0])


class Maximum(Minimum):
    """max."""

    @override
    def expressions(self) -> list[str]:
        return [self.highest()]


class ValueCount(FieldMetric):
    """value_count."""

    numeric = False

    @override
    def expressions(self) -> list[str]:
        return [self.count()]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        return {"value": values[0] or 0}


class Cardinality(FieldMetric):
    """cardinality: exact here (Elasticsearch's is exact up to `precision_threshold`)."""

    allowed = FieldMetric.allowed | {"precision_threshold", "rehash", "execution_hint"}
    numeric = False

    @override
    def expressions(self) -> list[str]:
        if self.column.multi:
            return [f"coalesce(len(list_distinct(flatten(list({self.sql})))), 0)"]
        return [f"count(DISTINCT {self.sql})"]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        return {"value": values[0] or 0}


class Stats(FieldMetric):
    """stats."""

    @override
    def expressions(self) -> list[str]:
        return [self.count(), self.lowest(), self.highest(), self.total()]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        count, low, high, total = values[:4]
        total = float(total or 0)
        return {
            "count": count or 0,
            **self.with_text("min", low),
            **self.with_text("max", high),
            **self.with_text("avg", total / count if count else None),
            **self.with_text("sum", total),
        }

    @override
    def order_value(self, path: str) -> str:
        chosen = {
            "count": self.count(),
            "min": self.lowest(),
            "max": self.highest(),
            "sum": self.total(),
            "avg": f"{self.total()} / nullif({self.count()}, 0)",
        }
        if path not in chosen:
            raise illegal_argument(f"Invalid aggregation order path [{path}]")
        return chosen[path]


class ExtendedStats(Stats):
    """extended_stats: variances and standard deviations too."""

    allowed = FieldMetric.allowed | {"sigma"}

    @override
    def expressions(self) -> list[str]:
        inner = (
            "list_sum(list_transform({0}, lambda x: x::DOUBLE * x))"
            if self.column.multi
            else "{0}::DOUBLE * {0}"
        )
        return [*super().expressions(), f"sum({inner.format(self.sql)})"]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        made = super().result(values)
        count, squares = values[0] or 0, values[4]
        names = ("variance", "variance_population", "variance_sampling")
        if not count:
            none: dict[str, Any] = dict.fromkeys(
                (*names, "std_deviation", "std_deviation_population", "std_deviation_sampling")
            )
            bounds = dict.fromkeys(
                f"{side}{of}"
                for of in ("", "_population", "_sampling")
                for side in ("upper", "lower")
            )
            return {**made, "sum_of_squares": None, **none, "std_deviation_bounds": bounds}
        mean, sigma = made["avg"], float(self.body.get("sigma", 2))
        population = max(squares / count - mean * mean, 0.0)
        sampling = max((squares - count * mean * mean) / (count - 1), 0.0) if count > 1 else None
        deviation = math.sqrt(population)
        sampled = math.sqrt(sampling) if sampling is not None else None
        return {
            **made,
            "sum_of_squares": squares,
            "variance": population,
            "variance_population": population,
            "variance_sampling": sampling,
            "std_deviation": deviation,
            "std_deviation_population": deviation,
            "std_deviation_sampling": sampled,
            "std_deviation_bounds": {
                "upper": mean + sigma * deviation,
                "lower": mean - sigma * deviation,
                "upper_population": mean + sigma * deviation,
                "lower_population": mean - sigma * deviation,
                "upper_sampling": mean + sigma * sampled if sampled is not None else None,
                "lower_sampling": mean - sigma * sampled if sampled is not None else None,
            },
        }


class Percentiles(FieldMetric):
    """percentiles: exact, between two values linearly (Elasticsearch's are approximate)."""

    allowed = FieldMetric.allowed | {"percents", "keyed", "tdigest", "hdr"}

    @property
    @override
    def shown_kind(self) -> str:
        return "tdigest_percentiles"

    @override
    def plan(self) -> None:
        super().plan()
        self.percents = [float(p) for p in self.body.get("percents", _DEFAULT_PERCENTS)]
        if any(not 0 <= p <= 100 for p in self.percents):
            raise illegal_argument("percent must be in [0,100]")

    @override
    def expressions(self) -> list[str]:
        wanted = "[" + ", ".join(repr(p / 100) for p in self.percents) + "]"
        if self.column.multi:
            return [f"list_aggregate(flatten(list({self.sql})), 'quantile_cont', {wanted})"]
        return [f"quantile_cont({self.sql}, {wanted})"]

    @override
    def result(self, values: list[Any]) -> dict[str, Any]:
        found = values[0] or [None] * len(self.percents)
        pairs = [
            (str(p), float(v) if v is not None else None)
            for p, v in zip(self.percents, found, strict=True)
        ]
        if self.body.get("keyed", True):
            return {"values": dict(pairs)}
        return {"values": [{"key": float(p), "value": v} for p, v in pairs]}

    @override
    def order_value(self, path: str) -> str:
        try:
            return f"quantile_cont({self.sql}, {float(path) / 100!r})"
        except ValueError as error:
            raise illegal_argument(f"Invalid aggregation order path [{path}]") from error


METRICS: dict[str, type[FieldMetric]] = {
    "avg": Average,
    "sum": Sum,
    "min": Minimum,
    "max": Maximum,
    "value_count": ValueCount,
    "cardinality": Cardinality,
    "stats": Stats,
    "extended_stats": ExtendedStats,
    "percentiles": Percentiles,
}
