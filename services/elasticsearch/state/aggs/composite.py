"""composite: every combination of several keys, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument, not_supported
from services.elasticsearch.state.aggs.base import Bucket, Key, Rows
from services.elasticsearch.state.aggs.histograms import DateInterval
from services.elasticsearch.state.aggs.source import Column
from services.elasticsearch.state.aggs.terms import spread
from services.elasticsearch.state.dates import DateFormat


class Composite(Bucket):
    """`{"composite": {"sources": [{name: {"terms" | "histogram" | …}}], "after"}}`."""

    allowed = frozenset({"sources", "size", "after"})
    drops_null = False

    @override
    def plan(self) -> None:
        self.size = int(self.body.get("size", 10))
        self.parts: list[tuple[str, str, dict[str, Any], Column]] = []
        for entry in self.body.get("sources", []):
            [(name, definition)] = entry.items()
            [(kind, options)] = definition.items()
            if kind not in ("terms", "histogram", "date_histogram"):
                raise not_supported(f"a composite source of kind [{kind}]")
            path = options.get("field")
            if not isinstance(path, str):
                raise not_supported("a composite source without a [field]")
            column = self.source.column(path)
            if column.family == "text":
                raise illegal_argument(
                    f"Text fields are not optimised for operations that require per-document "
                    f"field data like aggregations and sorting: [{path}]"
                )
            self.parts.append((name, kind, options, column))
        if sum(column.multi for *_, column in self.parts) > 1:
            raise not_supported("a composite of two fields with several values each")
        if not self.parts:
            raise illegal_argument("Required [sources]")
        after = self.body.get("after")
        if after is not None and set(after) != {p[0] for p in self.parts}:
            raise illegal_argument("[after] must have a value for each source")

    @override
    def keys(self) -> list[str]:
        return [self._key(kind, options, column) for _, kind, options, column in self.parts]

    def _key(self, kind: str, options: dict[str, Any], column: Column) -> str:
        if column.family is None:
            return "NULL::VARCHAR"
        if kind == "date_histogram":
            return spread(column, DateInterval(options, self.source).sql)
        if kind == "histogram":
            width = float(options["interval"])
            return spread(column, lambda v: f"floor({v}::DOUBLE / {width!r}) * {width!r}")
        return spread(column, lambda v: v)

    @override
    def select(
        self, relation: str, parents: list[str], own: list[str], rows: Rows
    ) -> dict[Key, list[tuple[Any, ...]]]:
        if parents:
            raise illegal_argument(
                "[composite] aggregation cannot be used with a parentAggregation"
            )
        group, order, present = ", ".join(own), [], []
        for name, (_, _, options, _) in zip(own, self.parts, strict=True):
            descending = options.get("order", "asc") == "desc"
            order.append(f"{name} {'DESC NULLS LAST' if descending else 'ASC NULLS FIRST'}")
            if not options.get("missing_bucket"):
                present.append(f"{name} IS NOT NULL")
        conditions = [*present, self._after(own)]
        where = " AND ".join(c for c in conditions if c) or "TRUE"
        sql = (
            f"SELECT {group}, count(*) FROM {relation} WHERE {where} GROUP BY {group} "
            f"ORDER BY {', '.join(order)} LIMIT {self.size}"
        )
        return {(): rows(sql)}

    def _after(self, own: list[str]) -> str:
        after = self.body.get("after")
        if after is None:
            return ""
        choices, equal = [], ""
        for column, (name, kind, options, source) in zip(own, self.parts, strict=True):
            value = after[name]
            if isinstance(value, str) and source.family == "date":
                value = DateFormat(options.get("format")).parse(value)
            descending = options.get("order", "asc") == "desc"
            if value is None:
                # Nulls come first in ascending order, last in descending.
                beyond = "FALSE" if descending else f"{column} IS NOT NULL"
                same = f"{column} IS NULL"
            else:
                placeholder = self.source.bind(value)
                operator = "<" if descending else ">"
                beyond = f"{column} {operator} {placeholder}"
                if descending:
                    beyond = f"({beyond} OR {column} IS NULL)"
                same = f"{column} = {placeholder}"
            choices.append(f"({equal}{beyond})")
            equal += f"{same} AND "
            del kind
        return f"({' OR '.join(choices)})"

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        buckets = []
        for row in rows:
            key = {
                part[0]: self._shown(part, value)
                for part, value in zip(self.parts, row[:-1], strict=True)
            }
            buckets.append({"key": key, "doc_count": row[-1], **inner(row[:-1])})
        made: dict[str, Any] = {"buckets": buckets}
        if buckets:
            made = {"after_key": buckets[-1]["key"], **made}
        return made

    @staticmethod
    def _shown(part: tuple[str, str, dict[str, Any], Column], value: Any) -> Any:
        pattern = part[2].get("format")
        if pattern and value is not None and part[3].family == "date":
            return DateFormat(pattern).print(int(value))
        return value
