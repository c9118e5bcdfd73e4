"""Highlighting: the words that were looked for, marked in the source's text."""

from __future__ import annotations

import fnmatch
import html
import re
from typing import Any

from services.elasticsearch.errors import parsing
from services.elasticsearch.state.analysis import ANALYZERS
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.context import QueryContext
from services.elasticsearch.state.source import values_at

_SENTENCE = re.compile(r"[^.!?\n]*[.!?\n]*\s*")
_OPTIONS = frozenset(
    [
        "fields",
        "boundary_chars",
        "boundary_max_scan",
        "boundary_scanner_locale",
        "force_source",
        "fragment_offset",
        "matched_fields",
        "max_fragment_length",
        "options",
        "phrase_limit",
        "pre_tags",
        "post_tags",
        "fragment_size",
        "number_of_fragments",
        "require_field_match",
        "type",
        "order",
        "no_match_size",
        "encoder",
        "highlight_query",
        "boundary_scanner",
        "fragmenter",
        "tags_schema",
        "max_analyzed_offset",
    ]
)


class Highlighter:
    """`highlight` of a search request."""

    def __init__(self, body: dict[str, Any]) -> None:
        """Raises RequestError for options that are not supported."""
        fields = body.get("fields") or {}
        if isinstance(fields, list):
            fields = {k: v for entry in fields for k, v in entry.items()}
        self._fields: dict[str, dict[str, Any]] = fields
        self._body = body
        for options in (body, *fields.values()):
            if unknown := set(options) - _OPTIONS:
                raise parsing(f"[highlight] unknown field {sorted(unknown)}")

    def apply(self, context: QueryContext, source: dict[str, Any]) -> dict[str, list[str]]:
        """Return field → fragments for those fields in which something was found."""
        found: dict[str, list[str]] = {}
        for pattern, options in self._fields.items():
            merged = {**self._body, **options}
            for path, field in context.index.mapping.fields.items():
                if not fnmatch.fnmatchcase(path, pattern):
                    continue
                if field.family not in ("text", "keyword"):
                    continue
                anywhere = merged.get("require_field_match") is False
                looked_for = context.marks
                if "highlight_query" in merged:
                    looked_for = _marks(context, merged["highlight_query"])
                marks = [(k, t) for f, k, t in looked_for if anywhere or f.path == path]
                if not marks and not merged.get("no_match_size"):
                    continue
                texts = values_at(source, path) or values_at(source, path.rpartition(".")[0])
                own = field.parameters.get("analyzer", "standard")
                analyzer = own if field.family == "text" else ""
                fragments = [
                    fragment
                    for text in texts
                    for fragment in _fragments(str(text), marks, merged, analyzer)
                ]
                limit = int(merged.get("number_of_fragments", 5))
                if not fragments and texts and (size := int(merged.get("no_match_size", 0))):
                    fragments = [_encoded(_beginning(str(texts[0]), size), merged)]
                if fragments:
                    found[path] = fragments[:limit] if limit else fragments
        return found


def _marks(context: QueryContext, query: dict[str, Any]) -> list[tuple[Field, str, str]]:
    """Return what a query other than the search's own looks for."""
    before, context.marks = context.marks, []
    try:
        with context.filtering():
            context.compile(query)
        return context.marks
    finally:
        context.marks = before


def _beginning(text: str, size: int) -> str:
    """Return the first characters, `size` at most, cut between words."""
    if len(text) <= size:
        return text
    return text[
        : max((m.end() for m in re.finditer(r"\w+|\W", text) if m.end() <= size), default=0)
    ]


def _encoded(text: str, options: dict[str, Any]) -> str:
    return html.escape(text) if options.get("encoder") == "html" else text


def _hits(text: str, marks: list[tuple[str, str]], analyzer: str) -> list[tuple[int, int]]:
    if not analyzer:
        whole = any(
            text == wanted
            or (kind == "prefix" and text.startswith(wanted))
            or (kind == "pattern" and fnmatch.fnmatchcase(text, wanted))
            for kind, wanted in marks
        )
        return [(0, len(text))] if whole else []
    words = ANALYZERS[analyzer](text)
    hits: set[tuple[int, int]] = set()
    for kind, wanted in marks:
        parts = wanted.split(" ") if kind == "words" else [wanted]
        for position in range(len(words) - len(parts) + 1):
            group = words[position : position + len(parts)]
            if kind == "words":
                same = [w for _, _, w in group] == parts
            elif kind == "prefix":
                same = group[0][2].startswith(wanted)
            else:
                same = fnmatch.fnmatchcase(group[0][2], wanted)
            if same:
                hits.update((start, end) for start, end, _ in group)
    return sorted(hits)


def _fragments(
    text: str, marks: list[tuple[str, str]], options: dict[str, Any], analyzer: str
) -> list[str]:
    hits = _hits(text, marks, analyzer)
    if not hits:
        return []
    styled = ['<em class="hlt1">'] if options.get("tags_schema") == "styled" else ["<em>"]
    opening = (options.get("pre_tags") or styled)[0]
    closing = (options.get("post_tags") or ["</em>"])[0]
    size = int(options.get("fragment_size", 100))
    pieces = [(0, len(text))]
    if int(options.get("number_of_fragments", 5)) and len(text) > size:
        pieces = _sentences(text, size)
    made = []
    for start, end in pieces:
        inside = [(a, b) for a, b in hits if start <= a < end]
        if not inside:
            continue
        marked, position = "", start
        for a, b in inside:
            marked += _encoded(text[position:a], options)
            marked += opening + _encoded(text[a:b], options) + closing
            position = b
        made.append((marked + _encoded(text[position:end], options)).strip())
    return made


def _sentences(text: str, size: int) -> list[tuple[int, int]]:
    """Cut into runs of sentences of about `size` characters."""
    pieces: list[tuple[int, int]] = []
    for found in _SENTENCE.finditer(text):
        start, end = found.span()
        if start == end:
            continue
        if pieces and end - pieces[-1][0] <= size:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    return pieces
