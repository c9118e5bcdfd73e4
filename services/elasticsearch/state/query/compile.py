"""The table of queries, and the one way in: `compile_query`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.elasticsearch.errors import RequestError, not_supported, parsing
from services.elasticsearch.state.query import boolean, match, patterns, ranges, term
from services.elasticsearch.state.query.context import NOTHING, Clause, Query, QueryContext, boosted
from services.elasticsearch.state.query.lucene import LuceneParser
from services.elasticsearch.state.query.simple import SimpleParser


def _query_string(context: QueryContext, body: Query) -> Clause:
    return _parsed(context, body, LuceneParser, "query_string")


def _simple_query_string(context: QueryContext, body: Query) -> Clause:
    return _parsed(context, body, SimpleParser, "simple_query_string")


def _parsed(context: QueryContext, body: Query, parser: Any, name: str) -> Clause:
    if "query" not in body:
        raise parsing(f"[{name}] must be provided with a [query]")
    fields = body.get("fields") or body.get("default_field") or "*"
    fields = [fields] if isinstance(fields, str) else list(fields)
    options = dict(body)
    if any("*" in name for name in fields):
        options["lenient"] = True
    clause = context.compile(parser(str(body["query"]), fields, options).parse())
    return Clause(clause.where, boosted(clause.score, body.get("boost")))


def _each(context: QueryContext, body: Query) -> Clause:
    """One query on each of several fields (made by the query string parsers only)."""
    patterns_only = body["kind"] in ("wildcard", "prefix", "regexp", "fuzzy")
    lenient = any("*" in name for name in body["fields"])
    options = {k: v for k, v in body["body"].items() if k != "_words"}
    clauses = []
    for field, boost in match.boosted_fields(context, body["fields"]):
        if patterns_only and field.family not in ("text", "keyword"):
            continue
        if not patterns_only and field.family in ("text", "boolean", "ip"):
            if not lenient:
                raise not_supported(f"a range on the {field.type_name} field [{field.path}]")
            continue
        own = dict(options)
        if body["body"].get("_words") and field.family == "text":
            own["value"] = own["value"].lower()
        try:
            clause = context.compile({body["kind"]: {field.path: own}})
        except RequestError:
            if lenient:
                continue
            raise
        clauses.append(Clause(clause.where, boosted(clause.score, boost)))
    return boolean.any_of(clauses, 1) if clauses else NOTHING


QUERIES: dict[str, Callable[[QueryContext, Query], Clause]] = {
    "match_all": boolean.match_all,
    "match_none": boolean.match_none,
    "bool": boolean.boolean,
    "constant_score": boolean.constant_score,
    "dis_max": boolean.dis_max,
    "boosting": boolean.boosting,
    "term": term.term,
    "terms": term.terms,
    "ids": term.ids,
    "exists": term.exists,
    "match": match.match,
    "match_phrase": match.match_phrase,
    "match_phrase_prefix": match.match_phrase_prefix,
    "match_bool_prefix": match.match_bool_prefix,
    "multi_match": match.multi_match,
    "range": ranges.range_,
    "prefix": patterns.prefix,
    "wildcard": patterns.wildcard,
    "regexp": patterns.regexp,
    "fuzzy": patterns.fuzzy,
    "query_string": _query_string,
    "simple_query_string": _simple_query_string,
    "_each": _each,
}

# Queries that Elasticsearch has and this store refuses by name.
REFUSED = frozenset(
    [
        "nested",
        "has_child",
        "has_parent",
        "parent_id",
        "geo_bounding_box",
        "geo_distance",
        "geo_shape",
        "geo_polygon",
        "geo_grid",
        "shape",
        "more_like_this",
        "script",
        "script_score",
        "function_score",
        "percolate",
        "rank_feature",
        "distance_feature",
        "wrapper",
        "pinned",
        "rule",
        "span_containing",
        "span_first",
        "span_multi",
        "span_near",
        "span_not",
        "span_or",
        "span_term",
        "span_within",
        "intervals",
        "combined_fields",
        "terms_set",
        "knn",
        "sparse_vector",
        "text_expansion",
        "semantic",
        "weighted_tokens",
    ]
)


def compile_query(context: QueryContext, query: Query) -> Clause:
    """Return the SQL clause of a query of the search DSL.

    Raises RequestError for what is unknown, malformed or not supported.
    """
    if not isinstance(query, dict) or len(query) != 1:
        if isinstance(query, dict) and not query:
            raise RequestError(
                400, "illegal_argument_exception", "query malformed, empty clause found at [1:1]"
            )
        raise parsing("[query] malformed, expected one query name")
    name, body = next(iter(query.items()))
    if name in REFUSED:
        raise not_supported(f"the query [{name}]")
    if name not in QUERIES:
        raise parsing(f"unknown query [{name}]")
    if not isinstance(body, dict):
        raise parsing(f"[{name}] query malformed, no start_object after query name")
    clause = QUERIES[name](context, body)
    if title := _title(body):
        context.named.append((title, clause.where))
    return clause


def _title(body: Query) -> str | None:
    """Return the `_name` of a query, which stands in its body or in that of its one field."""
    places = [body, *(value for value in body.values() if isinstance(value, dict))]
    found = next((place["_name"] for place in places if "_name" in place), None)
    return None if found is None else str(found)
