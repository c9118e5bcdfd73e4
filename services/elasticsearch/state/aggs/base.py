"""The two kinds of aggregations and how a tree of them is answered.

Each bucket aggregation adds key columns to its parent's relation; every level is then one
`GROUP BY` over the keys of all its ancestors, however many buckets there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.elasticsearch.errors import RequestError, illegal_argument, no_field_data, parsing
from services.elasticsearch.state.aggs.source import AggSource, Column

Key = tuple[Any, ...]
Rows = Callable[[str], list[tuple[Any, ...]]]
MAX_BUCKETS = 65_536  # search.max_buckets' default


class Aggregation:
    """One named aggregation; `subs` are those inside it."""

    allowed: frozenset[str] = frozenset()

    def __init__(
        self, kind: str, body: dict[str, Any], source: AggSource, subs: dict[str, Aggregation]
    ) -> None:
        self.kind, self.body, self.source, self.subs = kind, body, source, subs
        self.meta: dict[str, Any] | None = None
        for name in body:
            if name not in self.allowed:
                raise parsing(f"[{kind}] unknown field [{name}]")
        self.plan()

    @property
    def shown_kind(self) -> str:
        """What `typed_keys` calls the response."""
        return self.kind

    def shown_name(self, name: str) -> str:
        """Return the name under which the response stands."""
        return f"{self.shown_kind}#{name}" if self.source.typed_keys else name

    def plan(self) -> None:
        """Ask the source for columns and conditions. Raises RequestError."""
        raise NotImplementedError

    def field(self) -> Column:
        """Return the column of the body's `field`. Raises when it is missing or a text."""
        path = self.body.get("field")
        if "script" in self.body:
            raise illegal_argument(
                f"a script in aggregation [{self.kind}] is not supported by this embedded log store"
            )
        if not isinstance(path, str):
            raise illegal_argument(
                f"Required one of fields [field, script], but none were specified in [{self.kind}]"
            )
        column = self.source.column(path)
        if column.family == "text":
            raise no_field_data(path)
        return column


class Special(Aggregation):
    """Answers by statements of its own (top_hits)."""

    def run(self, relation: str, parents: list[str], rows: Rows) -> Callable[[Key], dict[str, Any]]:
        """Return a function from a parent's key to the response."""
        raise NotImplementedError


class Metric(Aggregation):
    """Values computed over a bucket's documents."""

    def expressions(self) -> list[str]:
        """Return the aggregate expressions, in SQL."""
        raise NotImplementedError

    def result(self, values: list[Any]) -> dict[str, Any]:
        """Return the response of the values of `expressions` (all None: no document)."""
        raise NotImplementedError

    def order_value(self, path: str) -> str:
        """Return the expression by which buckets are ordered under `path` ("" or "max" …)."""
        return self.expressions()[0]


class Bucket(Aggregation):
    """Documents put into buckets by key columns.

    `drops_null`: a document without a key is in no bucket.
    """

    drops_null = True

    def keys(self) -> list[str]:
        """Return the SQL of each key column; `unnest(…)` where a document has several."""
        raise NotImplementedError

    def select(
        self, relation: str, parents: list[str], own: list[str], rows: Rows
    ) -> dict[Key, list[tuple[Any, ...]]]:
        """Return the chosen rows (own keys, count, …) for each parent key.

        `relation` has the key columns `parents` and `own`; null keys are not in it.
        """
        group = ", ".join([*parents, *own])
        found: dict[Key, list[tuple[Any, ...]]] = {}
        for row in rows(f"SELECT {group}, count(*) FROM {relation} GROUP BY {group}"):
            found.setdefault(row[: len(parents)], []).append(row[len(parents) :])
        return found

    def narrows(self, found: dict[Key, list[tuple[Any, ...]]]) -> bool:
        """Say whether `select` left buckets out, so that the levels below must look at fewer."""
        return False

    def respond(
        self,
        rows: list[tuple[Any, ...]],
        inner: Callable[[Key], dict[str, Any]],
    ) -> dict[str, Any]:
        """Return the response; `inner(own key)` is that of the aggregations inside."""
        raise NotImplementedError


def run(
    aggregations: dict[str, Aggregation],
    relation: str,
    parents: list[str],
    rows: Rows,
) -> Callable[[Key], dict[str, Any]]:
    """Answer one level; return a function from a parent's key to the level's response."""
    makers: dict[str, Callable[[Key], dict[str, Any]]] = {}
    metrics = {n: a for n, a in aggregations.items() if isinstance(a, Metric)}
    if metrics:
        makers.update(_metrics(metrics, relation, parents, rows))
    for name, aggregation in aggregations.items():
        if isinstance(aggregation, Bucket):
            makers[name] = _buckets(aggregation, relation, parents, rows)
        elif isinstance(aggregation, Special):
            makers[name] = aggregation.run(relation, parents, rows)

    def respond(key: Key) -> dict[str, Any]:
        made = {}
        for name, aggregation in aggregations.items():
            answer = makers[name](key)
            shown = aggregation.shown_name(name)
            made[shown] = {"meta": aggregation.meta, **answer} if aggregation.meta else answer
        return made

    return respond


def _metrics(
    metrics: dict[str, Metric], relation: str, parents: list[str], rows: Rows
) -> dict[str, Callable[[Key], dict[str, Any]]]:
    expressions: list[str] = []
    spans: dict[str, tuple[int, int]] = {}
    for name, metric in metrics.items():
        made = metric.expressions()
        spans[name] = (len(expressions), len(expressions) + len(made))
        expressions += made
    sql = f"SELECT {', '.join([*parents, *expressions])} FROM {relation}"
    if parents:
        sql += f" GROUP BY {', '.join(parents)}"
    width = len(parents)
    found = {row[:width]: row[width:] for row in rows(sql)}
    empty = tuple(None for _ in expressions)

    def maker(name: str) -> Callable[[Key], dict[str, Any]]:
        start, end = spans[name]
        return lambda key: metrics[name].result(list(found.get(key, empty)[start:end]))

    return {name: maker(name) for name in metrics}


def _buckets(
    bucket: Bucket, relation: str, parents: list[str], rows: Rows
) -> Callable[[Key], dict[str, Any]]:
    keys = bucket.keys()
    own = [f"k{len(parents) + number}" for number in range(len(keys))]
    columns = ", ".join(f"{sql} AS {name}" for sql, name in zip(keys, own, strict=True))
    level = f"(SELECT *, {columns} FROM {relation})"
    present = " AND ".join(f"{name} IS NOT NULL" for name in own) if bucket.drops_null else "TRUE"
    level = f"(SELECT * FROM {level} WHERE {present})"
    found = bucket.select(level, parents, own, rows)
    if sum(len(chosen) for chosen in found.values()) > MAX_BUCKETS:
        raise too_many_buckets()
    inner: Callable[[Key], dict[str, Any]] = lambda _key: {}  # noqa: E731
    if bucket.subs:
        below = level
        if len(own) == 1 and bucket.narrows(found):
            chosen = sorted({row[0] for group in found.values() for row in group}, key=str)
            below = f"(SELECT * FROM {level} WHERE {own[0]} = ANY({bucket.source.bind(chosen)}))"
            if not chosen:
                below = f"(SELECT * FROM {level} WHERE FALSE)"
        inner = run(bucket.subs, below, [*parents, *own], rows)
    return lambda key: bucket.respond(found.get(key, []), lambda own_key: inner((*key, *own_key)))


def too_many_buckets() -> RequestError:
    """400: more buckets than a response may hold."""
    return RequestError(
        400,
        "too_many_buckets_exception",
        f"Trying to create too many buckets. Must be less than or equal to: [{MAX_BUCKETS}]. "
        "This limit can be set by changing the [search.max_buckets] cluster level setting.",
        max_buckets=MAX_BUCKETS,
    )
