"""Window functions; the aggregates may be used with OVER as well."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.registry import Family, function_error

FAMILY = Family(
    title="Window",
    native={
        name: name
        for name in (
            "CUME_DIST",
            "DENSE_RANK",
            "FIRST_VALUE",
            "LAG",
            "LAST_VALUE",
            "LEAD",
            "NTH_VALUE",
            "NTILE",
            "PERCENT_RANK",
            "RANK",
            "ROW_NUMBER",
        )
    },
)

# The functions that IGNORE NULLS goes with; DuckDB wants it inside the parentheses.
_OF_NULLS: dict[str, type[exp.Func]] = {
    "first_value": exp.FirstValue,
    "last_value": exp.LastValue,
    "nth_value": exp.NthValue,
    "lag": exp.Lag,
    "lead": exp.Lead,
}


def of_nulls(node: exp.IgnoreNulls | exp.RespectNulls) -> exp.Expr:
    """Return `function(…) IGNORE|RESPECT NULLS` for DuckDB. Raises DremioError (FUNCTION).

    Written inside the parentheses it means the same.
    """
    inner = node.this
    outer = node.parent
    if isinstance(outer, exp.Anonymous) and outer.name.lower() in _OF_NULLS:
        return node  # `first_value(x IGNORE NULLS)`: the call is what is made anew
    kind = _OF_NULLS.get(inner.name.lower()) if isinstance(inner, exp.Anonymous) else None
    if kind is None:
        raise function_error(f"IGNORE NULLS does not go with {inner.sql()}")
    names = ("this", "offset", "default")
    node.set("this", kind(**dict(zip(names, inner.expressions, strict=False))))
    return node
