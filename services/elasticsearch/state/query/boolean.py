"""Queries made of queries: bool, constant_score, dis_max, boosting; and match_all, match_none."""

from __future__ import annotations

import re
from typing import Any

from services.elasticsearch.errors import parsing
from services.elasticsearch.state.query.context import (
    NOTHING,
    Clause,
    Query,
    QueryContext,
    boosted,
)

_OCCURS = ("must", "filter", "should", "must_not")


def sum_of(clauses: list[Clause]) -> str:
    """Return the sum of the scores of those clauses that hold."""
    parts = [f"CASE WHEN {c.where} THEN {c.score} ELSE 0.0 END" for c in clauses]
    return f"({' + '.join(parts)})" if parts else "0.0"


def both(clauses: list[Clause]) -> Clause:
    """All clauses."""
    where = " AND ".join(f"({c.where})" for c in clauses)
    return Clause(f"({where})", f"({' + '.join(c.score for c in clauses)})")


def any_of(clauses: list[Clause], needed: int) -> Clause:
    """At least `needed` of the clauses."""
    if needed > len(clauses):
        return NOTHING
    if len(clauses) == 1 and needed == 1:
        return clauses[0]
    score = sum_of(clauses)
    if needed <= 0:
        return Clause("TRUE", score)
    if needed == 1:
        return Clause(f"({' OR '.join(f'({c.where})' for c in clauses)})", score)
    counted = " + ".join(f"(({c.where}) IS TRUE)::INT" for c in clauses)
    return Clause(f"({counted} >= {needed})", score)


def minimum(wanted: Any, count: int, *, default: int) -> int:
    """Return how many of `count` clauses `minimum_should_match` asks for.

    Forms: 2, -1, "75%", "-25%", "3<90%". Raises parsing_exception for anything else.
    """
    if wanted is None:
        return default
    text = str(wanted).strip()
    needed = None
    for part in text.split():
        above, less, spec = part.rpartition("<")
        if less:
            if count <= int(above):
                return count if needed is None else needed
            needed = minimum(spec, count, default=default)
            continue
        if not re.fullmatch(r"-?\d+%?", spec):
            raise parsing(f"failed to parse minimum_should_match [{wanted}]")
        if spec.endswith("%"):
            number = int(spec[:-1])
            share = abs(number) * count // 100
            needed = count - share if number < 0 else share
        else:
            needed = int(spec) if int(spec) >= 0 else count + int(spec)
    return max(0, needed if needed is not None else default)


def boolean(context: QueryContext, body: Query) -> Clause:
    """`{"bool": {"must", "filter", "should", "must_not", "minimum_should_match"}}`."""
    for name in body:
        if name not in (*_OCCURS, "minimum_should_match", "boost", "_name", "mustNot"):
            raise parsing(f"[bool] query does not support [{name}]")
    must = [context.compile(q) for q in _list(body, "must")]
    with context.filtering():
        filters = [context.compile(q) for q in _list(body, "filter")]
        marks = len(context.marks)
        excluded = [context.compile(q) for q in _list(body, "must_not")]
        del context.marks[marks:]
    should = [context.compile(q) for q in _list(body, "should")]
    conditions = [f"({c.where})" for c in (*must, *filters)]
    conditions += [f"(({c.where}) IS NOT TRUE)" for c in excluded]
    scores = [c.score for c in must]
    if should:
        default = 0 if must or filters else 1
        needed = minimum(body.get("minimum_should_match"), len(should), default=default)
        optional = any_of(should, needed)
        if needed > 0:
            conditions.append(f"({optional.where})")
        scores.append(sum_of(should))
    if not scores:
        scores = ["1.0" if not filters and not excluded else "0.0"]
    where = " AND ".join(conditions) if conditions else "TRUE"
    return Clause(f"({where})", boosted(f"({' + '.join(scores)})", body.get("boost")))


def _list(body: Query, name: str) -> list[Query]:
    value = body.get(name) or []
    return value if isinstance(value, list) else [value]


def constant_score(context: QueryContext, body: Query) -> Clause:
    """`{"constant_score": {"filter", "boost"}}`."""
    if "filter" not in body:
        raise parsing("[constant_score] requires a 'filter' element")
    with context.filtering():
        inner = context.compile(body["filter"])
    return Clause(inner.where, boosted("1.0", body.get("boost")))


def dis_max(context: QueryContext, body: Query) -> Clause:
    """`{"dis_max": {"queries", "tie_breaker"}}`."""
    from services.elasticsearch.state.query.match import best_of

    clauses = [context.compile(q) for q in _list(body, "queries")]
    if not clauses:
        raise parsing("[dis_max] requires 'queries' field with at least one clause")
    best = best_of(clauses, float(body.get("tie_breaker", 0)))
    return Clause(any_of(clauses, 1).where, boosted(best, body.get("boost")))


def boosting(context: QueryContext, body: Query) -> Clause:
    """`{"boosting": {"positive", "negative", "negative_boost"}}`."""
    positive = context.compile(body["positive"])
    with context.filtering():
        negative = context.compile(body["negative"])
    share = float(body["negative_boost"])
    score = (
        f"CASE WHEN {negative.where} THEN {positive.score} * {share!r} ELSE {positive.score} END"
    )
    return Clause(positive.where, f"({score})")


def match_all(_context: QueryContext, body: Query) -> Clause:
    """`{"match_all": {}}`."""
    return Clause("TRUE", boosted("1.0", body.get("boost")))


def match_none(_context: QueryContext, _body: Query) -> Clause:
    """`{"match_none": {}}`."""
    return NOTHING
