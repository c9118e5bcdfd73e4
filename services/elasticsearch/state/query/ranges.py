"""`{"range": {field: {"gte", "gt", "lte", "lt", "format", "time_zone"}}}` with date math."""

from __future__ import annotations

from typing import Any

from services.elasticsearch.errors import bad_query, not_supported, parsing
from services.elasticsearch.state.addresses import address_key, key_sql
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.context import (
    NOTHING,
    Clause,
    Query,
    QueryContext,
    boosted,
    single,
)

_OPERATORS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
_OTHERS = frozenset(
    {
        "format",
        "time_zone",
        "boost",
        "relation",
        "_name",
        "from",
        "to",
        "include_lower",
        "include_upper",
    }
)


def range_(context: QueryContext, body: Query) -> Clause:
    """Return the clause of values between bounds."""
    path, options = single("range", body)
    if not isinstance(options, dict):
        raise parsing("[range] query malformed, no start_object after query name")
    for name in options:
        if name not in _OPERATORS and name not in _OTHERS:
            raise parsing(f"[range] query does not support [{name}]")
    bounds = {k: options[k] for k in _OPERATORS if options.get(k) is not None}
    if options.get("from") is not None:
        bounds["gte" if options.get("include_lower", True) else "gt"] = options["from"]
    if options.get("to") is not None:
        bounds["lte" if options.get("include_upper", True) else "lt"] = options["to"]
    field = context.field(path)
    if field is None:
        return NOTHING
    if field.family in ("binary", "text"):
        raise not_supported(f"a range query on the {field.type_name} field [{path}]")
    limits = [
        (_OPERATORS[name], context.bind(_limit(context, field, name, value, options)))
        for name, value in bounds.items()
    ]
    score = boosted("1.0", options.get("boost"))
    if not limits:
        return Clause(f"{field.column} IS NOT NULL", score)

    def within(value: str) -> str:
        value = key_sql(value) if field.family == "ip" else value
        return " AND ".join(f"{value} {operator} {limit}" for operator, limit in limits)

    where = context.any_value(field, within)
    return Clause(f"({where})", score)


def _limit(
    context: QueryContext, field: Field, name: str, value: Any, options: dict[str, Any]
) -> Any:
    if field.family != "date":
        converted = context.convert(field, value)
        return address_key(converted) if field.family == "ip" else converted
    try:
        return context.moment(
            field,
            value,
            round_up=name in ("gt", "lte"),
            format_=options.get("format"),
            time_zone=options.get("time_zone"),
        )
    except ValueError as error:
        raise bad_query(f"failed to create query: {error}") from error
