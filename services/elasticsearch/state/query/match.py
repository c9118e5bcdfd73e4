"""Full text: match, match_phrase, match_phrase_prefix, match_bool_prefix, multi_match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.elasticsearch.errors import RequestError, parsing
from services.elasticsearch.state.analysis import ANALYZERS, tokens
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.boolean import any_of, both, minimum, sum_of
from services.elasticsearch.state.query.context import (
    NOTHING,
    Clause,
    Query,
    QueryContext,
    boosted,
    single,
)
from services.elasticsearch.state.query.patterns import fuzzy_word
from services.elasticsearch.state.query.term import equals, near, word

_OPTIONS = frozenset(
    [
        "query",
        "operator",
        "minimum_should_match",
        "boost",
        "fuzziness",
        "analyzer",
        "zero_terms_query",
        "lenient",
        "slop",
        "max_expansions",
        "prefix_length",
        "auto_generate_synonyms_phrase_query",
        "fuzzy_transpositions",
        "fuzzy_rewrite",
        "_name",
        "cutoff_frequency",
    ]
)


def _options(name: str, body: Any) -> tuple[str, dict[str, Any]]:
    path, options = single(name, body)
    if not isinstance(options, dict):
        options = {"query": options}
    for key in options:
        if key not in _OPTIONS:
            raise parsing(f"[{name}] query does not support [{key}]")
    if options.get("query") is None:
        raise parsing("No text specified for text query")
    if options.get("analyzer", "standard") not in ANALYZERS:
        raise RequestError(
            400, "query_shard_exception", f"[{name}] analyzer [{options['analyzer']}] not found"
        )
    return path, options


def _words(field: Field, options: dict[str, Any]) -> list[str]:
    return tokens(str(options["query"]), options.get("analyzer", field.search_analyzer))


def _in_one_field(
    name: str,
    context: QueryContext,
    body: Query,
    clause_of: Callable[[QueryContext, Field, dict[str, Any]], Clause],
) -> Clause:
    """Return the clause of a query of the form `{name: {field: text or options}}`, boosted."""
    path, options = _options(name, body)
    field = context.field(path)
    if field is None:
        return NOTHING
    clause = clause_of(context, field, options)
    return Clause(clause.where, boosted(clause.score, options.get("boost")))


def match(context: QueryContext, body: Query) -> Clause:
    """`{"match": {field: text}}`: any word, or with operator `and` all."""
    return _in_one_field("match", context, body, match_field)


def match_field(context: QueryContext, field: Field, options: dict[str, Any]) -> Clause:
    """Return the clause of a text looked for in one field."""
    if field.family != "text":
        try:
            if options.get("fuzziness") and field.family == "keyword":
                return fuzzy_word(context, field, str(options["query"]), options)
            return equals(context, field, options["query"])
        except RequestError:
            if options.get("lenient"):
                return NOTHING
            raise
    words = _words(field, options)
    if not words:
        everything = options.get("zero_terms_query", "none") == "all"
        return Clause("TRUE") if everything else NOTHING
    if options.get("fuzziness") not in (None, 0, "0"):
        clauses = [fuzzy_word(context, field, w, options) for w in words]
    else:
        clauses = [word(context, field, w) for w in words]
    if str(options.get("operator", "or")).lower() == "and":
        return both(clauses)
    needed = minimum(options.get("minimum_should_match"), len(clauses), default=1)
    return any_of(clauses, needed)


def match_phrase(context: QueryContext, body: Query) -> Clause:
    """`{"match_phrase": {field: text}}`: the words in a row."""
    return _in_one_field("match_phrase", context, body, phrase_field)


def phrase_field(context: QueryContext, field: Field, options: dict[str, Any]) -> Clause:
    """Return the clause of a phrase looked for in one field."""
    if field.family != "text":
        return match_field(context, field, options)
    words = _words(field, options)
    if int(options.get("slop", 0)) and len(words) > 1:
        return near(context, field, words, int(options["slop"]))
    return word(context, field, " ".join(words)) if words else NOTHING


def match_phrase_prefix(context: QueryContext, body: Query) -> Clause:
    """The words in a row, the last one only begun."""
    return _in_one_field("match_phrase_prefix", context, body, _phrase_prefix)


def _phrase_prefix(context: QueryContext, field: Field, options: dict[str, Any]) -> Clause:
    if field.family != "text":
        raise RequestError(
            400,
            "query_shard_exception",
            f"failed to create query: Can only use phrase prefix queries on text fields - "
            f"not on [{field.path}] which is of type [{field.type_name}]",
        )
    words = _words(field, options)
    if not words:
        return NOTHING
    context.marks.append((field, "prefix", words[-1]))
    needle = context.bind(" " + " ".join(words))
    return Clause(context.any_value(field, lambda v: f"contains({v}, {needle})"))


def match_bool_prefix(context: QueryContext, body: Query) -> Clause:
    """Any of the words, the last one only begun."""
    path, options = _options("match_bool_prefix", body)
    field = context.field(path)
    if field is None:
        return NOTHING
    clause = _bool_prefix(context, field, options)
    return Clause(clause.where, boosted(clause.score, options.get("boost")))


def _bool_prefix(context: QueryContext, field: Field, options: dict[str, Any]) -> Clause:
    if field.family != "text":
        return match_field(context, field, options)
    words = _words(field, options)
    if not words:
        return NOTHING
    needle = context.bind(f" {words[-1]}")
    last = Clause(context.any_value(field, lambda v: f"contains({v}, {needle})"))
    clauses = [*(word(context, field, w) for w in words[:-1]), last]
    if str(options.get("operator", "or")).lower() == "and":
        return both(clauses)
    return any_of(clauses, minimum(options.get("minimum_should_match"), len(clauses), default=1))


def boosted_fields(context: QueryContext, names: list[str]) -> list[tuple[Field, float]]:
    """Return the searchable fields that names such as `title^3` or `log.*` stand for."""
    found: list[tuple[Field, float]] = []
    for name in names:
        pattern, _, boost = name.partition("^")
        for field in context.expand(pattern):
            if field.family != "binary":
                found.append((field, float(boost or 1)))
    return found


def multi_match(context: QueryContext, body: Query) -> Clause:
    """`{"multi_match": {"query", "fields", "type"}}` over several fields."""
    if "query" not in body:
        raise parsing("No text specified for multi_match query")
    names = body.get("fields") or ["*"]
    names = [names] if isinstance(names, str) else names
    options = {k: v for k, v in body.items() if k in _OPTIONS}
    if any("*" in name for name in names):
        options["lenient"] = True
    kind = body.get("type", "best_fields")
    builders = {
        "best_fields": match_field,
        "most_fields": match_field,
        "phrase": phrase_field,
        "phrase_prefix": _phrase_prefix,
        "bool_prefix": _bool_prefix,
    }
    fields = boosted_fields(context, names)
    if kind == "cross_fields":
        clause = _cross(context, fields, options)
        return Clause(clause.where, boosted(clause.score, body.get("boost")))
    if kind not in builders:
        raise parsing(f"failed to parse [multi_match] query type [{kind}]. unknown type.")
    if kind == "phrase_prefix":
        fields = [(f, b) for f, b in fields if f.family == "text"]
    clauses = []
    for field, boost in fields:
        clause = builders[kind](context, field, options)
        clauses.append(Clause(clause.where, boosted(clause.score, boost)))
    if not clauses:
        return NOTHING
    joined = any_of(clauses, 1)
    if kind in ("most_fields", "bool_prefix"):
        return Clause(joined.where, boosted(joined.score, body.get("boost")))
    best = best_of(clauses, float(body.get("tie_breaker", 0)))
    return Clause(joined.where, boosted(best, body.get("boost")))


def best_of(clauses: list[Clause], tie_breaker: float) -> str:
    """Return the score of the best clause, plus a share of the others'."""
    scores = [f"CASE WHEN {c.where} THEN {c.score} ELSE 0.0 END" for c in clauses]
    best = f"greatest({', '.join(scores)})" if len(scores) > 1 else scores[0]
    if not tie_breaker:
        return best
    return f"({best} + {tie_breaker!r} * ({sum_of(clauses)} - {best}))"


def _cross(
    context: QueryContext, fields: list[tuple[Field, float]], options: dict[str, Any]
) -> Clause:
    texts = [(f, b) for f, b in fields if f.family == "text"]
    # Only fields that cut a text into the same words are looked at as one.
    whole = [
        Clause(c.where, boosted(c.score, b))
        for f, b in fields
        if f.family != "text"
        for c in [match_field(context, f, {**options, "lenient": True})]
    ]
    groups = []
    for one in tokens(str(options["query"])) if texts else []:
        clauses = [
            Clause(c.where, boosted(c.score, b))
            for f, b in texts
            for c in [match_field(context, f, {"query": one, "lenient": True})]
        ]
        groups.append(Clause(any_of(clauses, 1).where, best_of(clauses, 0)))
    if groups and str(options.get("operator", "or")).lower() == "and":
        whole.append(both(groups))
    elif groups:
        needed = minimum(options.get("minimum_should_match"), len(groups), default=1)
        whole.append(any_of(groups, needed))
    return Clause(any_of(whole, 1).where, best_of(whole, 0)) if whole else NOTHING
