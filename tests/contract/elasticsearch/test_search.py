"""Searching through elasticsearch-py."""

from __future__ import annotations

import datetime
import math

import pytest
from elasticsearch import Elasticsearch, helpers

LOGS = [
    ("1", "2026-11-20T09:59:00Z", "ERROR", "airbyte", "Connection refused by host db-1", 3.5),
    ("2", "2026-11-20T10:00:00Z", "INFO", "airbyte", "Connection opened", 1.0),
    ("3", "2026-11-20T10:30:00Z", "ERROR", "dremio", "Query refused: out of memory", 2.0),
    ("4", "2026-11-21T00:00:00Z", "WARN", "dremio", "slow query took 12.5 s", 12.5),
    ("5", "2026-11-21T08:15:00.250Z", "ERROR", "dbt", "refused connection, connection lost", None),
]


@pytest.fixture
def logs(es: Elasticsearch) -> Elasticsearch:
    es.indices.create(
        index="logs",
        mappings={
            "properties": {
                "timestamp": {"type": "date"},
                "level": {"type": "keyword"},
                "service": {"type": "keyword"},
                "message": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "seconds": {"type": "double"},
            }
        },
    )
    names = ("_id", "timestamp", "level", "service", "message", "seconds")
    helpers.bulk(es, [{"_index": "logs", **dict(zip(names, log, strict=True))} for log in LOGS])
    return es


QUERIES = [
    ({"match": {"message": "connection refused"}}, "1235"),
    ({"match": {"message": {"query": "connection refused", "operator": "and"}}}, "15"),
    ({"match_phrase": {"message": "connection refused"}}, "1"),
    ({"match_phrase_prefix": {"message": "connection ref"}}, "1"),
    ({"match_bool_prefix": {"message": "slow conn"}}, "1245"),
    ({"match": {"message": "12.5"}}, "4"),
    ({"match": {"message": {"query": "conection", "fuzziness": "AUTO"}}}, "125"),
    ({"multi_match": {"query": "dbt", "fields": ["service", "message"]}}, "5"),
    ({"term": {"level": "ERROR"}}, "135"),
    ({"term": {"level": {"value": "error", "case_insensitive": True}}}, "135"),
    ({"terms": {"level": ["WARN", "INFO"]}}, "24"),
    ({"prefix": {"service": "d"}}, "345"),
    ({"wildcard": {"service": "*b?"}}, "5"),
    ({"wildcard": {"message.raw": "*refused*"}}, "135"),
    ({"wildcard": {"message": "conn*"}}, "125"),
    ({"regexp": {"service": "d(bt|remio)"}}, "345"),
    ({"ids": {"values": ["2", "9"]}}, "2"),
    ({"exists": {"field": "seconds"}}, "1234"),
    ({"range": {"seconds": {"gt": 1, "lte": 3.5}}}, "13"),
    ({"range": {"timestamp": {"gte": "2026-11-20T10:00:00Z", "lt": "2026-11-21"}}}, "23"),
    ({"range": {"timestamp": {"gte": "2026-11-21||/d", "lte": "2026-11-21||/d"}}}, "45"),
    ({"range": {"timestamp": {"lte": "2026-11-20"}}}, "123"),
    ({"range": {"timestamp": {"gte": "2026-11-21", "time_zone": "+02:00"}}}, "45"),
    ({"bool": {"must_not": [{"exists": {"field": "seconds"}}]}}, "5"),
    ({"bool": {"must_not": [{"range": {"seconds": {"gt": 2}}}]}}, "235"),
    (
        {
            "bool": {
                "filter": [{"term": {"level": "ERROR"}}],
                "should": [{"term": {"service": "dbt"}}, {"term": {"service": "airbyte"}}],
                "minimum_should_match": 1,
            }
        },
        "15",
    ),
    ({"query_string": {"query": "level:ERROR AND NOT service:dbt"}}, "13"),
    ({"query_string": {"query": 'message:"connection refused" OR seconds:>10'}}, "14"),
    ({"query_string": {"query": "seconds:[1 TO 3.5}"}}, "23"),
    ({"query_string": {"query": "(opened OR lost) AND service:a*"}}, "2"),
    ({"query_string": {"query": "+refused -memory"}}, "15"),
    ({"query_string": {"query": "_exists_:seconds AND timestamp:[2026-11-21 TO *]"}}, "4"),
    ({"simple_query_string": {"query": "refused +connection", "fields": ["message"]}}, "15"),
    ({"simple_query_string": {"query": "slow | lost", "fields": ["message"]}}, "45"),
    ({"simple_query_string": {"query": "connection -lost", "default_operator": "and"}}, "12"),
    ({"constant_score": {"filter": {"term": {"service": "dremio"}}}}, "34"),
    ({"dis_max": {"queries": [{"term": {"level": "WARN"}}, {"match": {"message": "lost"}}]}}, "45"),
    ({"term": {"unmapped": 1}}, ""),
]  # fmt: skip


@pytest.mark.parametrize("es", [9], indirect=True)
def test_queries_find_what_elasticsearch_finds(logs: Elasticsearch) -> None:
    for query, expected in QUERIES:
        hits = logs.search(index="logs", query=query)["hits"]["hits"]
        assert sorted(hit["_id"] for hit in hits) == list(expected), query
        assert logs.count(index="logs", query=query)["count"] == len(expected), query


def test_scores_are_bm25(logs: Elasticsearch) -> None:
    hits = logs.search(index="logs", query={"match": {"message": "connection"}})["hits"]["hits"]
    words = {"1": 6, "2": 2, "5": 4}  # of the documents that have the word; 5 has it twice
    mean = (6 + 2 + 5 + 5 + 4) / 5
    idf = math.log(1 + (5 - 3 + 0.5) / (3 + 0.5))
    for hit in hits:
        times = 2 if hit["_id"] == "5" else 1
        norm = 1.2 * (0.25 + 0.75 * words[hit["_id"]] / mean)
        assert hit["_score"] == pytest.approx(2.2 * idf * times / (times + norm), rel=1e-3)
    assert [hit["_id"] for hit in hits] == sorted(
        words, key=lambda i: -{h["_id"]: h["_score"] for h in hits}[i]
    )


def test_sort_and_pages(logs: Elasticsearch) -> None:
    sort = [{"level": "asc"}, {"timestamp": {"order": "desc"}}]
    first = logs.search(index="logs", sort=sort, size=2)["hits"]["hits"]
    assert [h["_id"] for h in first] == ["5", "3"]
    behind = logs.search(index="logs", sort=sort, size=5, search_after=first[-1]["sort"])
    assert [h["_id"] for h in behind["hits"]["hits"]] == ["1", "2", "4"]
    assert behind["hits"]["total"] == {"value": 5, "relation": "eq"}
    by_seconds = logs.search(index="logs", sort=[{"seconds": {"missing": "_first"}}])
    assert [h["_id"] for h in by_seconds["hits"]["hits"]] == ["5", "2", "3", "1", "4"]


def test_a_point_in_time_does_not_move(logs: Elasticsearch) -> None:
    pit = logs.open_point_in_time(index="logs", keep_alive="1m")["id"]
    scroll = logs.search(index="logs", scroll="1m", size=2, sort="_doc")
    logs.index(index="logs", id="6", document={"level": "ERROR", "new": [1, 2]})
    logs.delete(index="logs", id="1")
    found, after = [], None
    while True:
        extra = {"search_after": after} if after else {}
        page = logs.search(pit={"id": pit}, size=2, sort=[{"timestamp": "asc"}], **extra)
        if not page["hits"]["hits"]:
            break
        found += [h["_id"] for h in page["hits"]["hits"]]
        after = page["hits"]["hits"][-1]["sort"]
    assert found == ["1", "2", "3", "4", "5"]
    assert logs.close_point_in_time(id=pit)["num_freed"] == 1
    seen = [h["_id"] for h in scroll["hits"]["hits"]]
    while True:
        page = logs.scroll(scroll_id=scroll["_scroll_id"])
        if not page["hits"]["hits"]:
            break
        seen += [h["_id"] for h in page["hits"]["hits"]]
    assert seen == ["1", "2", "3", "4", "5"]
    logs.clear_scroll(scroll_id=scroll["_scroll_id"])
    assert logs.count(index="logs")["count"] == 5


def test_shapes_of_hits(logs: Elasticsearch) -> None:
    hit = logs.search(
        index="logs",
        query={"match_phrase": {"message": "connection refused"}},
        source=["level"],
        fields=["timestamp", "message.raw"],
        highlight={"fields": {"message": {"pre_tags": ["<b>"], "post_tags": ["</b>"]}}},
        version=True,
        seq_no_primary_term=True,
    )["hits"]["hits"][0]
    assert hit["_source"] == {"level": "ERROR"}
    assert hit["fields"] == {
        "timestamp": ["2026-11-20T09:59:00.000Z"],
        "message.raw": ["Connection refused by host db-1"],
    }
    assert hit["highlight"] == {"message": ["<b>Connection</b> <b>refused</b> by host db-1"]}
    assert (hit["_version"], hit["_primary_term"]) == (1, 1)


def test_several_indices_of_different_mappings(logs: Elasticsearch) -> None:
    logs.index(index="logs-2", id="x", document={"service": "airbyte", "seconds": [9, 10]})
    found = logs.search(
        index="logs*", query={"range": {"seconds": {"gte": 9}}}, sort="seconds:desc"
    )
    assert [(h["_index"], h["_id"]) for h in found["hits"]["hits"]] == [
        ("logs", "4"),
        ("logs-2", "x"),
    ]
    assert logs.search(index="logs*,-logs-2")["hits"]["total"]["value"] == 5
    answers = logs.msearch(
        searches=[
            {"index": "logs"},
            {"size": 0},
            {"index": "none"},
            {},
            {},
            {"query": {"ids": {"values": ["x"]}}},
        ]
    )["responses"]
    assert [a.get("status") for a in answers] == [200, 404, 200]
    assert answers[2]["hits"]["hits"][0]["_index"] == "logs-2"


def test_relative_times(es: Elasticsearch) -> None:
    now = datetime.datetime.now(datetime.UTC)
    for minutes in (5, 59, 61, 300):
        moment = (now - datetime.timedelta(minutes=minutes)).isoformat()
        es.index(index="now", id=str(minutes), document={"timestamp": moment})
    hits = es.search(index="now", query={"range": {"timestamp": {"gte": "now-1h"}}})["hits"]["hits"]
    assert {h["_id"] for h in hits} == {"5", "59"}
