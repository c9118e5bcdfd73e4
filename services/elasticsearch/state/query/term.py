"""Exact values: term, terms, ids, exists."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import Any

from services.elasticsearch.errors import bad_query, illegal_argument, not_supported, parsing
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
from services.elasticsearch.state.query.statistics import term_count


def term(context: QueryContext, body: Query) -> Clause:
    """`{"term": {field: value | {"value", "boost", "case_insensitive"}}}`."""
    path, options = single("term", body)
    if not isinstance(options, dict):
        options = {"value": options}
    if "value" not in options:
        raise parsing("value cannot be null")
    value, boost = options["value"], options.get("boost")
    if path in ("_id", "_index"):
        return _meta(context, path, [value])
    field = context.field(path)
    if field is None:
        return NOTHING
    if isinstance(value, list):
        raise parsing("[term] query does not support array of values")
    if options.get("case_insensitive") and field.family == "keyword":
        placeholder = context.bind(str(value).lower())
        return Clause(
            context.any_value(field, lambda v: f"lower({v}) = {placeholder}"),
            boosted("1.0", boost),
        )
    clause = equals(context, field, value)
    return Clause(clause.where, boosted(clause.score, boost))


def equals(context: QueryContext, field: Field, value: Any) -> Clause:
    """Return the clause of one exact value; in a text field, of one whole word."""
    if field.family == "binary":
        raise parsing("Binary fields do not support searching")
    if field.family == "date" and isinstance(value, str):
        return _within(context, field, value)
    if field.family == "ip" and "/" in str(value):
        return addresses(context, field, str(value))
    converted = context.convert(field, value)
    if field.family == "text":
        return word(context, field, converted)
    if field.family == "keyword":
        context.marks.append((field, "words", converted))
    placeholder = context.bind(converted)
    where = context.any_value(field, lambda v: f"{v} = {placeholder}")
    score = "1.0"
    if context.scoring and context.statistics and field.family in ("keyword", "boolean"):
        idf = context.statistics.idf(field, where, context.parameters.values)
        score = context.statistics.bm25(field, idf, "1")
    return Clause(where, score)


def _within(context: QueryContext, field: Field, value: str) -> Clause:
    """A date that is not written to its end stands for all of it: `2026-01-02` for the day."""
    try:
        first = context.bind(context.moment(field, value))
        last = context.bind(context.moment(field, value, round_up=True))
    except ValueError as error:
        raise bad_query(f"failed to create query: {error}") from error
    return Clause(context.any_value(field, lambda v: f"{v} BETWEEN {first} AND {last}"))


def addresses(context: QueryContext, field: Field, block: str) -> Clause:
    """Return the clause of an address in a block such as `10.0.0.0/8`."""
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError as error:
        raise illegal_argument(f"'{block}' is not an IP string literal.") from error
    first, last = (context.bind(address_key(str(a))) for a in (network[0], network[-1]))
    return Clause(context.any_value(field, lambda v: f"{key_sql(v)} BETWEEN {first} AND {last}"))


def _contains(needle: str, value: str) -> str:
    return f"contains({value}, {needle})"


def word(context: QueryContext, field: Field, words: str) -> Clause:
    """Return the clause of a word, or of words in a row, in a text field."""
    context.marks.append((field, "words", words))
    needle = context.bind(f" {words} ")
    where = context.any_value(field, lambda v: f"contains({v}, {needle})")
    if not (context.scoring and context.statistics):
        return Clause(where)
    statistics = context.statistics
    idf = 0.0
    for one in words.split(" "):
        own = context.bind(f" {one} ")
        condition = context.any_value(field, partial(_contains, own))
        idf += statistics.idf(field, condition, context.parameters.values)
    return Clause(where, statistics.bm25(field, idf, term_count(field, needle)))


def near(context: QueryContext, field: Field, words: list[str], slop: int) -> Clause:
    """Return the clause of words that `slop` moves by one place bring into a row."""
    if len(set(words)) < len(words):
        raise not_supported("a phrase query with [slop] in which a word comes twice")
    parts = [word(context, field, one) for one in words]
    needles = [context.bind(one) for one in words]

    def close(value: str) -> str:
        # Where each word would have the phrase begin; they may differ by `slop`.
        starts = [
            f"list_filter(list_transform(string_split(trim({value}), ' '), lambda w, i: "
            f"CASE WHEN w = {needle} THEN i - {number} END), lambda d: d IS NOT NULL)"
            for number, needle in enumerate(needles)
        ]
        within = " AND ".join(
            f"len(list_filter({one}, lambda d: d BETWEEN x AND x + {slop})) > 0" for one in starts
        )
        return f"len(list_filter(flatten([{', '.join(starts)}]), lambda x: {within})) > 0"

    every = " AND ".join(f"({part.where})" for part in parts)
    near_by = context.any_value(field, close)
    return Clause(f"({every} AND {near_by})", parts[0].score)


def terms(context: QueryContext, body: Query) -> Clause:
    """`{"terms": {field: [values]}}`; a terms lookup is refused."""
    path, values = single("terms", body)
    if isinstance(values, dict):
        raise not_supported("a terms lookup")
    if not isinstance(values, list):
        raise parsing(f"[terms] query requires an array of values for [{path}]")
    score = boosted("1.0", body.get("boost"))
    if path in ("_id", "_index"):
        return _meta(context, path, values)
    field = context.field(path)
    if field is None or not values:
        return NOTHING
    if field.family in ("text", "date") or (
        field.family == "ip" and any("/" in str(value) for value in values)
    ):
        clauses = [equals(context, field, value).where for value in values]
        return Clause(f"({' OR '.join(clauses)})", score)
    converted = context.bind([context.convert(field, value) for value in values])
    if field.multi:
        return Clause(f"list_has_any({field.column}, {converted})", score)
    return Clause(f"{field.column} = ANY({converted})", score)


def _meta(context: QueryContext, path: str, values: list[Any]) -> Clause:
    if path == "_id":
        return Clause(f"_id = ANY({context.bind([str(v) for v in values])})")
    names = {context.index.name, context.index.data_stream, *context.index.aliases}
    return Clause("TRUE") if names & set(values) else NOTHING


def ids(context: QueryContext, body: Query) -> Clause:
    """`{"ids": {"values": [...]}}`."""
    values = body.get("values", [])
    values = values if isinstance(values, list) else [values]
    clause = _meta(context, "_id", values) if values else NOTHING
    return Clause(clause.where, boosted("1.0", body.get("boost")))


def exists(context: QueryContext, body: Query) -> Clause:
    """`{"exists": {"field": name}}`; an object exists when a field below it does."""
    if "field" not in body:
        raise parsing("[exists] must be provided with a [field]")
    path, score = body["field"], boosted("1.0", body.get("boost"))
    if path in ("_id", "_index", "_source"):
        return Clause("TRUE", score)
    found = context.expand(path) or context.expand(f"{path}.*")
    if not found:
        return NOTHING
    return Clause(f"({' OR '.join(f'{f.column} IS NOT NULL' for f in found)})", score)
