"""Aggregates. They stay plain calls, so that DISTINCT, FILTER, OVER and WITHIN GROUP apply."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import Context, Family, arity, call


def _approx_percentile(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, share = arity(node, 2)
    return call("approx_quantile", exp.cast(value, "DOUBLE"), share)


def _ndv(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call("approx_count_distinct", arity(node, 1, 2)[0])


def _listagg(node: exp.Anonymous, context: Context) -> exp.Expr:
    """LISTAGG(value[, separator]): nothing between the values unless told."""
    value, *separator = arity(node, 1, 2)
    if isinstance(value, exp.Distinct) and len(value.expressions) == 2:
        separator = [value.expressions.pop()]
    return call("string_agg", value, *(separator or [exp.Literal.string("")]))


def _array_agg(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call("array_agg", *arity(node, 1))


def _sum(node: exp.Anonymous, context: Context) -> exp.Expr:
    return exp.Sum(this=arity(node, 1)[0])


def _count(node: exp.Anonymous, context: Context) -> exp.Expr:
    values = arity(node, 0, 100)
    if not values:
        return exp.Count(this=exp.Star())
    return exp.Count(this=values[0], expressions=values[1:], big_int=True)


def _single_value(node: exp.Anonymous, context: Context) -> exp.Expr:
    return call("any_value", *arity(node, 1))


FAMILY = Family(
    title="Aggregate",
    native={
        name: name
        for name in (
            "ANY_VALUE",
            "AVG",
            "BIT_AND",
            "BIT_OR",
            "BIT_XOR",
            "BOOL_AND",
            "BOOL_OR",
            "CORR",
            "COVAR_POP",
            "COVAR_SAMP",
            "MAX",
            "MEDIAN",
            "MIN",
            "PERCENTILE_CONT",
            "PERCENTILE_DISC",
            "STDDEV",
            "STDDEV_POP",
            "STDDEV_SAMP",
            "VARIANCE",
            "VAR_POP",
            "VAR_SAMP",
            "GROUPING",
            "REGR_AVGX",
            "REGR_AVGY",
            "REGR_COUNT",
            "REGR_INTERCEPT",
            "REGR_R2",
            "REGR_SLOPE",
            "REGR_SXX",
            "REGR_SXY",
            "REGR_SYY",
        )
    }
    | {
        "APPROX_COUNT_DISTINCT": "approx_count_distinct",
        "APPROX_DISTINCT": "approx_count_distinct",
        "EVERY": "bool_and",
        "SOME": "bool_or",
        "GROUPING_ID": "grouping_id",
    },
    handlers={
        "APPROX_PERCENTILE": _approx_percentile,
        "ARRAY_AGG": _array_agg,
        "COLLECT": _array_agg,
        "COUNT": _count,
        "GROUP_CONCAT": _listagg,
        "LISTAGG": _listagg,
        "NDV": _ndv,
        "SINGLE_VALUE": _single_value,
        "STRING_AGG": _listagg,
        "SUM": _sum,
    },
)
