"""Analysis, expressions, filters, scripts, routing: the parts that need no server."""

from __future__ import annotations

from typing import Any

import pytest

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.analysis import searchable, tokens
from services.elasticsearch.state.documents.script import run_script
from services.elasticsearch.state.mapping.fields import Mapping
from services.elasticsearch.state.mapping.rows import RowBuilder
from services.elasticsearch.state.query.boolean import minimum
from services.elasticsearch.state.query.patterns import lucene_pattern
from services.elasticsearch.state.source import SourceFilter
from services.elasticsearch.wire.filter_path import filter_path
from services.elasticsearch.wire.media import answer_type, check_sent
from services.elasticsearch.wire.router import Router


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The QUICK brown-fox", ["the", "quick", "brown", "fox"]),
        ("can't stop example.com", ["can't", "stop", "example.com"]),
        ("took 12.5 s, not 13,5", ["took", "12.5", "s", "not", "13,5"]),
        ("snake_case v1.2", ["snake_case", "v1.2"]),
        ("Zürich: über", ["zürich", "über"]),
        ("... !", []),
    ],
)
def test_standard_analyzer(text: str, words: list[str]) -> None:
    # "v1.2" is one word: a dot between a digit and a digit joins.
    assert tokens(text) == words
    assert searchable(text) == (f" {' '.join(words)} " if words else "")


def test_a_document_that_does_not_fit_leaves_the_mapping_as_it_was() -> None:
    builder = RowBuilder(Mapping())
    builder.build({"n": 1})
    before = builder.mapping
    with pytest.raises(RequestError, match="failed to parse field"):
        builder.build({"n": "many"})
    assert builder.mapping is before
    assert not builder.multi


@pytest.mark.parametrize(
    ("wanted", "count", "needed"),
    [(2, 5, 2), (-1, 5, 4), ("75%", 4, 3), ("-25%", 4, 3), ("3<90%", 3, 3), ("3<50%", 10, 5)],
)
def test_minimum_should_match(wanted: Any, count: int, needed: int) -> None:
    assert minimum(wanted, count, default=1) == needed


def test_lucene_patterns() -> None:
    assert lucene_pattern("a^b$") == r"a\^b\$"
    assert lucene_pattern("x@") == "x.*"
    for refused in ("a~b", "<1-5>", "(?i)x", "a&b"):
        with pytest.raises(RequestError):
            lucene_pattern(refused)


def test_source_filters() -> None:
    source = {"a": {"b": 1, "c": [{"d": 1, "e": 2}]}, "f": 3}
    assert SourceFilter(["a.b"]).apply(source) == {"a": {"b": 1}}
    assert SourceFilter("a").apply(source) == {"a": source["a"]}
    assert SourceFilter({"includes": ["a.c.e"]}).apply(source) == {"a": {"c": [{"e": 2}]}}


def test_filter_path() -> None:
    body = {"took": 1, "hits": {"total": 5, "hits": [{"_id": "1", "_source": {"x": 1}}]}}
    assert filter_path(body, "hits.hits._id") == {"hits": {"hits": [{"_id": "1"}]}}
    assert filter_path(body, "**._id,took") == {"took": 1, "hits": {"hits": [{"_id": "1"}]}}
    assert filter_path(body, "-hits") == {"took": 1}
    assert filter_path(body, "nothing") == {}


def test_scripts() -> None:
    text = "ctx._source.n += params.by; ctx._source['s'] = 'a;b'; ctx._source.remove('x')"
    what, changed = run_script({"source": text, "params": {"by": 2}}, {"n": 1, "x": 0})
    assert (what, changed) == ("index", {"n": 3, "s": "a;b"})
    assert run_script("ctx.op = 'delete'", {})[0] == "delete"
    with pytest.raises(RequestError, match="not supported"):
        run_script("for (int i = 0; i < 3; i++) {}", {})


def test_routing_decodes_parts_after_splitting_and_tells_wrong_methods() -> None:
    router = Router()
    _, path, pattern = router.find("GET", "/logs-1%2F2/_doc/a%2Fb")
    assert pattern == "/{index}/_doc/{id}"
    assert path == {"index": "logs-1/2", "id": "a/b"}
    with pytest.raises(RequestError, match="allowed") as wrong:
        router.find("PATCH", "/_bulk")
    assert wrong.value.status == 405
    with pytest.raises(RequestError, match="no handler found"):
        router.find("GET", "/_unknown")


def test_media_types() -> None:
    kind = "application/vnd.elasticsearch+json; compatible-with=8"
    assert answer_type(kind) == "application/vnd.elasticsearch+json;compatible-with=8"
    check_sent("application/vnd.elasticsearch+x-ndjson; compatible-with=9")
    with pytest.raises(RequestError):
        answer_type("application/vnd.elasticsearch+json; compatible-with=7")
    with pytest.raises(RequestError) as refused:
        check_sent("application/cbor")
    assert refused.value.status == 406
