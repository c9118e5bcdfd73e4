"""Parts of words: prefix, wildcard, regexp, fuzzy."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any

from services.elasticsearch.errors import RequestError, not_supported, parsing
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.context import (
    NOTHING,
    Clause,
    Query,
    QueryContext,
    boosted,
    single,
)


def _value(body: Query) -> str:
    options = next(iter(body.values()), "")
    return str(options.get("value", "")) if isinstance(options, dict) else str(options)


def _parts(
    context: QueryContext, name: str, body: Query
) -> tuple[Field | None, str, dict[str, Any]]:
    path, options = single(name, body)
    if not isinstance(options, dict):
        options = {"value": options}
    value = options.get("value", options.get("wildcard"))
    if value is None:
        raise parsing(f"[{name}] query requires a [value] for [{path}]")
    field = context.field(path)
    if field is not None and field.family not in ("text", "keyword"):
        raise RequestError(
            400,
            "query_shard_exception",
            f"failed to create query: Can only use {name} queries on keyword, text and wildcard "
            f"fields - not on [{path}] which is of type [{field.type_name}]",
        )
    return field, str(value), options


def _each(context: QueryContext, field: Field, condition: Callable[[str], str]) -> str:
    """Return SQL that holds when a value (in a text field: a word) meets the condition."""
    if field.family == "text":
        return context.any_value(
            field, lambda v: context.some(f"string_split(trim({v}), ' ')", condition)
        )
    return context.any_value(field, condition)


def _of_index(context: QueryContext, body: Query, pattern: str) -> Clause | None:
    """Answer for the index' own name, where the query is about `_index`."""
    if "_index" not in body:
        return None
    names = (context.index.name, context.index.data_stream or "", *context.index.aliases)
    found = any(fnmatch.fnmatchcase(name, pattern) for name in names)
    return Clause("TRUE") if found else NOTHING


def prefix(context: QueryContext, body: Query) -> Clause:
    """`{"prefix": {field: begin}}`."""
    if (named := _of_index(context, body, f"{_value(body)}*")) is not None:
        return named
    field, value, options = _parts(context, "prefix", body)
    if field is None:
        return NOTHING
    score = boosted("1.0", options.get("boost"))
    fold = bool(options.get("case_insensitive"))
    value = value.lower() if fold else value
    context.marks.append((field, "prefix", value))
    if field.family == "text":
        needle = context.bind(f" {value}")
        return Clause(context.any_value(field, lambda v: f"contains({v}, {needle})"), score)
    begin = context.bind(value)
    return Clause(
        context.any_value(field, lambda v: f"starts_with({f'lower({v})' if fold else v}, {begin})"),
        score,
    )


def wildcard(context: QueryContext, body: Query) -> Clause:
    r"""`{"wildcard": {field: "a*b?"}}`; `\` escapes."""
    if (named := _of_index(context, body, _value(body))) is not None:
        return named
    field, value, options = _parts(context, "wildcard", body)
    if field is None:
        return NOTHING
    context.marks.append((field, "pattern", value))
    operator = "ILIKE" if options.get("case_insensitive") else "LIKE"
    pattern = context.bind(_like(value))
    where = _each(context, field, lambda v: f"{v} {operator} {pattern} ESCAPE '\\'")
    return Clause(where, boosted("1.0", options.get("boost")))


def _like(pattern: str) -> str:
    made, position = "", 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and position + 1 < len(pattern):
            position += 1
            char = pattern[position]
            made += f"\\{char}" if char in "%_\\" else char
        elif char in "*?":
            made += "%" if char == "*" else "_"
        else:
            made += f"\\{char}" if char in "%_\\" else char
        position += 1
    return made


def regexp(context: QueryContext, body: Query) -> Clause:
    """`{"regexp": {field: pattern}}` in Lucene's syntax, which always matches whole values."""
    field, value, options = _parts(context, "regexp", body)
    if field is None:
        return NOTHING
    pattern = context.bind(lucene_pattern(value))
    flags = "'i'" if options.get("case_insensitive") else "''"
    where = _each(context, field, lambda v: f"regexp_full_match({v}, {pattern}, {flags})")
    return Clause(where, boosted("1.0", options.get("boost")))


def lucene_pattern(pattern: str) -> str:
    """Return Lucene's regular expression in RE2's syntax. Raises for what RE2 has not."""
    made, position, in_class = "", 0, False
    while position < len(pattern):
        char = pattern[position]
        if char == "\\" and position + 1 < len(pattern):
            following = pattern[position + 1]
            made += f"\\{following}" if following in "dDsSwW" else re.escape(following)
            position += 2
            continue
        if in_class:
            in_class = char != "]"
            made += char
        elif char == "[":
            in_class = True
            made += char
        elif char == "@":
            made += ".*"
        elif char in "^$":
            made += f"\\{char}"
        elif char in '~&<#"' or (char == "(" and pattern[position + 1 : position + 2] == "?"):
            raise not_supported(f"the operator [{char}] of regular expressions")
        else:
            made += char
        position += 1
    try:
        re.compile(made)
    except re.error as error:
        raise RequestError(
            400, "query_shard_exception", f"failed to create query: {error} in [{pattern}]"
        ) from error
    return made


def fuzzy(context: QueryContext, body: Query) -> Clause:
    """`{"fuzzy": {field: {"value", "fuzziness"}}}`."""
    field, value, options = _parts(context, "fuzzy", body)
    if field is None:
        return NOTHING
    clause = fuzzy_word(context, field, value, {"fuzziness": "AUTO", **options})
    return Clause(clause.where, boosted(clause.score, options.get("boost")))


def fuzzy_word(context: QueryContext, field: Field, value: str, options: dict[str, Any]) -> Clause:
    """Return the clause of words at most `fuzziness` edits (AUTO: by length) from `value`.

    `prefix_length`: so many first characters are the same; `transpositions` (in a match query
    `fuzzy_transpositions`): whether two neighbours in each other's place are one edit.
    """
    fuzziness = options["fuzziness"]
    text = str(fuzziness).upper()
    if text.startswith("AUTO"):
        low, high = (int(n) for n in (text.partition(":")[2] or "3,6").split(","))
        edits = 0 if len(value) < low else 1 if len(value) < high else 2
    elif re.fullmatch(r"[012](\.0)?", text):
        edits = int(float(text))
    else:
        raise parsing(f"Valid edit distances are [0, 1, 2] but was [{fuzziness}]")
    placeholder = context.bind(value)
    swaps = options.get("transpositions", options.get("fuzzy_transpositions", True))
    function = "levenshtein" if str(swaps).lower() == "false" else "damerau_levenshtein"
    same = int(options.get("prefix_length", 0))
    begin = f"starts_with({{0}}, {context.bind(value[:same])}) AND " if same else ""
    where = _each(
        context,
        field,
        lambda v: f"{begin.format(v)}{function}({v}, {placeholder}) <= {edits}",
    )
    return Clause(where)
