"""terms: the most frequent (or otherwise first) values of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument, not_supported, parsing
from services.elasticsearch.state.aggs.base import Bucket, Key, Metric, Rows
from services.elasticsearch.state.aggs.filters import Filter
from services.elasticsearch.state.aggs.order import split, unknown
from services.elasticsearch.state.aggs.source import Column
from services.elasticsearch.state.dates import DateFormat
from services.elasticsearch.state.query.patterns import lucene_pattern


def shown(column: Column, value: Any, pattern: str | None = None) -> dict[str, Any]:
    """Return `key` (and `key_as_string`) as a bucket shows a value."""
    if column.family == "boolean":
        return {"key": int(value), "key_as_string": "true" if value else "false"}
    if column.family == "date":
        own = column.field.parameters.get("format") if column.field else None
        return {"key": value, "key_as_string": DateFormat(pattern or own).print(int(value))}
    return {"key": value}


def spread(column: Column, expression: Callable[[str], str]) -> str:
    """Return the SQL of a key for each of a document's values, each key once."""
    if not column.multi:
        return expression(column.sql)
    return f"unnest(list_distinct(list_transform({column.sql}, lambda v: {expression('v')})))"


class Terms(Bucket):
    """`{"terms": {"field", "size", "order", "min_doc_count", "missing", "include", "exclude"}}`."""

    allowed = frozenset(
        [
            "field",
            "size",
            "order",
            "min_doc_count",
            "missing",
            "include",
            "exclude",
            "shard_size",
            "execution_hint",
            "show_term_doc_count_error",
            "collect_mode",
            "shard_min_doc_count",
            "script",
            "format",
            "value_type",
        ]
    )

    @property
    @override
    def shown_kind(self) -> str:
        kinds = {"keyword": "sterms", "ip": "sterms", "decimal": "dterms", None: "umterms"}
        return kinds.get(self.column.family, "lterms")

    @override
    def plan(self) -> None:
        self.column = self.field()
        self.size = int(self.body.get("size", 10))
        if self.size <= 0:
            raise illegal_argument("[size] must be greater than 0. Found [0] in [terms]")
        self.least = int(self.body.get("min_doc_count", 1))
        if self.least < 1:
            raise not_supported("a terms aggregation with [min_doc_count] 0")
        order = self.body.get("order", {"_count": "desc"})
        pairs = [p for o in (order if isinstance(order, list) else [order]) for p in o.items()]
        self.order = [self._order(path, direction) for path, direction in pairs]
        if not any(path == "_key" for path, _ in pairs):
            self.order.append(("_key", "ASC"))

    def _order(self, path: str, direction: str) -> tuple[str, str]:
        if str(direction).lower() not in ("asc", "desc"):
            raise parsing(f"Unknown order direction [{direction}]")
        path = "_key" if path == "_term" else path
        if path not in ("_count", "_key"):
            within, name, value = split(path)
            if within:
                raise not_supported(f"ordering terms by [{path}]")
            sub = self.subs.get(name)
            if isinstance(sub, Filter):
                path = f"count(*) FILTER (WHERE {sub.conditions[0]})"
            elif isinstance(sub, Metric):
                path = sub.order_value(value)
            else:
                raise unknown(path, name)
        return path, str(direction).upper()

    @override
    def keys(self) -> list[str]:
        sql = spread(self.column, lambda v: v)
        if self.body.get("missing") is not None:
            missing = self.source.bind(self.body["missing"])
            if self.column.family is None:
                return [f"coalesce(NULL, {missing})"]
            column = self.column
            value = (
                f"coalesce({column.sql}, [{missing}])"
                if column.multi
                else f"coalesce({column.sql}, {missing})"
            )
            sql = spread(Column(value, column.family, column.multi, column.field), lambda v: v)
        return [sql]

    @override
    def select(
        self, relation: str, parents: list[str], own: list[str], rows: Rows
    ) -> dict[Key, list[tuple[Any, ...]]]:
        key = own[0]
        terms = [
            f"{ {'_key': key, '_count': 'count(*)'}.get(path, path) } {way} NULLS LAST"
            for path, way in self.order
        ]
        partition = f"PARTITION BY {', '.join(parents)}" if parents else ""
        group = ", ".join([*parents, key])
        conditions = [
            self._limits(key, self.body.get("include"), positive=True),
            self._limits(key, self.body.get("exclude"), positive=False),
        ]
        where = " AND ".join(c for c in conditions if c) or "TRUE"
        sql = (
            f"SELECT {group}, count(*), sum(count(*)) OVER ({partition})::BIGINT FROM {relation} "
            f"WHERE {where} GROUP BY {group} HAVING count(*) >= {self.least} "
            f"QUALIFY row_number() OVER ({partition} ORDER BY {', '.join(terms)}) <= {self.size} "
            f"ORDER BY {', '.join(terms)}"
        )
        found: dict[Key, list[tuple[Any, ...]]] = {}
        for row in rows(sql):
            found.setdefault(row[: len(parents)], []).append(row[len(parents) :])
        return found

    @override
    def narrows(self, found: dict[Key, list[tuple[Any, ...]]]) -> bool:
        if self.least > 1 or self.body.keys() & {"include", "exclude"}:
            return True
        # A filter costs more than the buckets do: none where all there are were chosen.
        return any(rows[0][2] != sum(row[1] for row in rows) for rows in found.values())

    def _limits(self, key: str, wanted: Any, *, positive: bool) -> str:
        if wanted is None:
            return ""
        if isinstance(wanted, list):
            condition = f"{key}::VARCHAR = ANY({self.source.bind([_text(w) for w in wanted])})"
        elif isinstance(wanted, str):
            condition = f"regexp_full_match({key}, {self.source.bind(lucene_pattern(wanted))})"
        else:
            raise not_supported("[include] with partitions in a terms aggregation")
        return condition if positive else f"NOT ({condition})"

    @override
    def respond(
        self, rows: list[tuple[Any, ...]], inner: Callable[[Key], dict[str, Any]]
    ) -> dict[str, Any]:
        total = rows[0][2] if rows else 0
        shown_count = sum(row[1] for row in rows)
        return {
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": total - shown_count,
            "buckets": [
                {
                    **shown(self.column, row[0], self.body.get("format")),
                    "doc_count": row[1],
                    **inner((row[0],)),
                }
                for row in rows
            ],
        }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
