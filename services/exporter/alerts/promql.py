"""The part of PromQL that the rules use, over `Series`.

Selectors with matchers, `rate` and `increase`, aggregations (by, without), comparisons,
arithmetic, `and`, `or`, `unless` with one-to-one matching, numbers and parentheses. Anything
else is refused by name when the rules are read. Facts: prometheus.io, querying/basics and
querying/operators; the extrapolation is that of promql/functions.go (`extrapolatedRate`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import promql_parser as ast

from services.common.errors import ConfigError
from services.exporter.alerts.series import Labels, Series, key

Vector = list[tuple[dict[str, str], float]]
Value = Vector | float

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else (float("nan") if a == 0 else float("inf") * a),
}
_COMPARISON: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_AGGREGATION: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "count": len,
    "avg": lambda values: sum(values) / len(values),
}
_SETS = ("and", "or", "unless")


def parse(text: str) -> Any:
    """Return the expression. Raises ConfigError when it is wrong or uses what is not here."""
    try:
        expression = ast.parse(text)
    except ValueError as error:
        raise ConfigError(f"PromQL {text!r}: {error}") from error
    evaluate(expression, Series((), 0), 0.0)  # goes through all of it, over nothing
    return expression


def names(expression: Any) -> Iterator[tuple[str, float]]:
    """Yield each metric that is read and how many seconds of it."""
    match expression:
        case ast.VectorSelector():
            yield expression.name or "", 0.0
        case ast.MatrixSelector():
            yield expression.vector_selector.name or "", expression.range.total_seconds()
        case ast.Call():
            for each in expression.args:
                yield from names(each)
        case ast.BinaryExpr():
            yield from names(expression.lhs)
            yield from names(expression.rhs)
        case ast.AggregateExpr() | ast.ParenExpr():
            yield from names(expression.expr)


def evaluate(expression: Any, series: Series, at: float) -> Value:
    """Return the value at a moment. Raises ConfigError for what is not here."""
    match expression:
        case ast.NumberLiteral():
            return float(expression.val)
        case ast.ParenExpr():
            return evaluate(expression.expr, series, at)
        case ast.VectorSelector() if expression.offset is None and expression.at is None:
            found = series.instant(expression.name or "", at)
            return [(labels, v) for labels, v in found if _matches(expression, labels)]
        case ast.Call() if expression.func.name in ("rate", "increase"):
            return _rate(expression, series, at)
        case ast.AggregateExpr() if str(expression.op) in _AGGREGATION:
            return _aggregate(expression, _vector(evaluate(expression.expr, series, at)))
        case ast.BinaryExpr():
            left = evaluate(expression.lhs, series, at)
            return _binary(expression, left, evaluate(expression.rhs, series, at))
    raise ConfigError(f"PromQL: {expression} is not among what is evaluated without Prometheus")


def vector(expression: Any, series: Series, at: float) -> Vector:
    """Return the value of an expression that gives a vector, as `evaluate`."""
    return _vector(evaluate(expression, series, at))


def _matches(selector: Any, labels: dict[str, str]) -> bool:
    return all(_match(m, labels.get(m.name, "")) for m in selector.matchers.matchers)


def _match(matcher: Any, value: str) -> bool:
    if matcher.op == ast.MatchOp.Equal:
        return bool(value == matcher.value)
    if matcher.op == ast.MatchOp.NotEqual:
        return bool(value != matcher.value)
    found = re.fullmatch(matcher.value, value) is not None
    return found if matcher.op == ast.MatchOp.Re else not found


def _rate(call: Any, series: Series, at: float) -> Vector:
    selector = call.args[0]
    if selector.vector_selector.offset is not None or selector.vector_selector.at is not None:
        raise ConfigError(f"PromQL: offset and @ are not evaluated without Prometheus: {call}")
    inner, seconds = selector.vector_selector, selector.range.total_seconds()
    made: Vector = []
    for labels, points in series.window(inner.name, at, seconds):
        if _matches(inner, labels) and len(points) > 1:
            grown = _increase(points, at, seconds)
            made.append((labels, grown / seconds if call.func.name == "rate" else grown))
    return made


def _increase(points: list[tuple[float, float]], at: float, seconds: float) -> float:
    """Return a counter's growth over the window, extrapolated to its borders as Prometheus does."""
    first, last = points[0], points[-1]
    grown = last[1] - first[1]
    for before, after in pairwise(points):
        if after[1] < before[1]:
            grown += before[1]  # the counter began anew
    sampled = last[0] - first[0]
    between = sampled / (len(points) - 1)
    to_start, to_end = first[0] - (at - seconds), at - last[0]
    if grown > 0 and first[1] >= 0:
        to_start = min(to_start, sampled * (first[1] / grown))  # it was not below zero before
    covered = sampled
    for gap in (to_start, to_end):
        covered += gap if gap < between * 1.1 else between / 2
    return grown * covered / sampled


def _aggregate(expression: Any, vector: Vector) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector:
        groups.setdefault(key(_kept(expression.modifier, labels)), []).append(value)
    function = _AGGREGATION[str(expression.op)]
    return [(dict(labels), float(function(values))) for labels, values in groups.items()]


def _kept(modifier: Any, labels: dict[str, str]) -> dict[str, str]:
    if modifier is None:
        return {}
    by = modifier.type == ast.AggModifierType.By
    return {k: v for k, v in labels.items() if (k in modifier.labels) == by}


def _binary(expression: Any, left: Value, right: Value) -> Value:
    sign = str(expression.op)
    if sign in _SETS:
        return _set(expression, sign, _vector(left), _vector(right))
    if isinstance(left, float) and isinstance(right, float):
        if sign in _ARITHMETIC:
            return _ARITHMETIC[sign](left, right)
        return float(_COMPARISON[sign](left, right))
    if sign not in _ARITHMETIC and sign not in _COMPARISON:
        raise ConfigError(f"PromQL: operator {sign} is not evaluated without Prometheus")
    if isinstance(right, float):
        pairs = [(labels, v, right, v) for labels, v in _vector(left)]
    elif isinstance(left, float):
        pairs = [(labels, left, v, v) for labels, v in right]
    else:
        others = {_signature(expression, labels): v for labels, v in right}
        pairs = [
            (labels, v, others[signature], v)
            for labels, v in left
            for signature in [_signature(expression, labels)]
            if signature in others
        ]
    if sign in _COMPARISON:
        return [(labels, kept) for labels, a, b, kept in pairs if _COMPARISON[sign](a, b)]
    return [(labels, _ARITHMETIC[sign](a, b)) for labels, a, b, _ in pairs]


def _set(expression: Any, sign: str, left: Vector, right: Vector) -> Vector:
    if sign == "or":
        there = {_signature(expression, labels) for labels, _ in left}
        return left + [(s, v) for s, v in right if _signature(expression, s) not in there]
    there = {_signature(expression, labels) for labels, _ in right}
    wanted = sign == "and"
    return [(s, v) for s, v in left if (_signature(expression, s) in there) == wanted]


def _signature(expression: Any, labels: dict[str, str]) -> Labels:
    modifier = expression.modifier
    matching = modifier.matching if modifier else None
    if matching is None:
        return key(labels)
    on = matching.type == ast.LabelModifierType.Include
    return key({k: v for k, v in labels.items() if (k in matching.labels) == on})


def _vector(value: Value) -> Vector:
    if isinstance(value, float):
        raise ConfigError("PromQL: a vector is needed where a number stands")
    return value
