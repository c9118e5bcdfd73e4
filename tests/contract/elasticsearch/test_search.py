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
    ({"term": {"timestamp": "2026-11-20"}}, "123"),
    ({"terms": {"timestamp": ["2026-11-21T08"]}}, "5"),
    ({"match": {"timestamp": "2026-11-21"}}, "45"),
    ({"match_phrase": {"message": {"query": "connection by", "slop": 1}}}, "1"),
    ({"match_phrase": {"message": {"query": "refused connection", "slop": 2}}}, "15"),
    ({"match_phrase": {"message": {"query": "connection by", "slop": 0}}}, ""),
    ({"query_string": {"query": '"query of memory"~2', "default_field": "message"}}, "3"),
    ({"fuzzy": {"service": {"value": "drenio", "prefix_length": 3}}}, "34"),
    ({"fuzzy": {"service": {"value": "drenio", "prefix_length": 4}}}, ""),
    ({"fuzzy": {"service": {"value": "dtb", "fuzziness": 1}}}, "5"),
    ({"fuzzy": {"service": {"value": "dtb", "fuzziness": 1, "transpositions": False}}}, ""),
    ({"wildcard": {"_index": "lo*"}}, "12345"),
    ({"prefix": {"_index": "other"}}, ""),
    (
        {
            "multi_match": {
                "query": "dbt refused",
                "fields": ["service", "message"],
                "type": "cross_fields",
                "operator": "and",
            }
        },
        "",
    ),
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


def test_addresses_go_by_number(es: Elasticsearch) -> None:
    es.indices.create(index="net", mappings={"properties": {"ip": {"type": "ip"}}})
    found = ["10.0.0.10", "10.0.0.9", "192.168.0.1", "::1", "2001:db8::7"]
    helpers.bulk(es, [{"_index": "net", "ip": address} for address in found])

    def search(**query: object) -> list[str]:
        hits = es.search(index="net", sort="ip", **query)["hits"]["hits"]
        assert [hit["sort"] for hit in hits] == [[hit["_source"]["ip"]] for hit in hits]
        return [hit["sort"][0] for hit in hits]

    ordered = ["::1", "10.0.0.9", "10.0.0.10", "192.168.0.1", "2001:db8::7"]
    assert search() == ordered
    assert search(search_after=["10.0.0.9"]) == ordered[2:]
    assert search(query={"term": {"ip": "10.0.0.0/8"}}) == ordered[1:3]
    assert search(query={"terms": {"ip": ["10.0.0.8/31", "2001:db8::/32"]}}) == [
        ordered[1],
        ordered[4],
    ]
    assert search(query={"range": {"ip": {"gt": "10.0.0.9", "lt": "2001::"}}}) == ordered[2:4]


def test_scores_and_names_beside_a_sort(logs: Elasticsearch) -> None:
    query = {
        "bool": {
            "should": [
                {"match": {"message": {"query": "connection", "_name": "connected"}}},
                {"term": {"level": {"value": "ERROR", "_name": "bad"}}},
            ]
        }
    }
    plain = logs.search(index="logs", query=query)["hits"]
    scores = {hit["_id"]: hit["_score"] for hit in plain["hits"]}
    names = {hit["_id"]: hit["matched_queries"] for hit in plain["hits"]}
    both = ["connected", "bad"]
    assert names == {"1": both, "2": ["connected"], "3": ["bad"], "5": both}
    found = logs.search(index="logs", query=query, sort="timestamp", track_scores=True)["hits"]
    assert {hit["_id"]: hit["_score"] for hit in found["hits"]} == scores
    assert found["max_score"] == plain["max_score"] == max(scores.values())
    assert logs.search(index="logs", query=query, from_=2)["hits"]["max_score"] == max(
        scores.values()
    )
    ended = logs.search(index="logs", terminate_after=2)
    assert (ended["terminated_early"], len(ended["hits"]["hits"])) == (True, 2)


def test_highlighting_what_another_query_looks_for(logs: Elasticsearch) -> None:
    def marked(identifier: str, **options: object) -> list[str]:
        found = logs.search(
            index="logs",
            query={"ids": {"values": [identifier]}},
            highlight={"fields": {"message": options}},
        )
        fragments: list[str] = found["hits"]["hits"][0].get("highlight", {}).get("message", [])
        return fragments

    opened = {"match": {"message": "opened"}}
    assert marked("2", highlight_query=opened) == ["Connection <em>opened</em>"]
    assert marked("2", highlight_query=opened, tags_schema="styled") == [
        'Connection <em class="hlt1">opened</em>'
    ]
    assert marked("2", no_match_size=12) == ["Connection "]
    assert marked("2") == []


def test_field_capabilities(logs: Elasticsearch) -> None:
    logs.index(index="other", document={"level": 3, "at": {"place": "x"}})
    found = logs.field_caps(index="logs,other", fields="*", include_unmapped=True)["fields"]
    assert found["level"]["keyword"]["indices"] == ["logs"]
    assert found["level"]["long"]["indices"] == ["other"]
    assert found["seconds"]["unmapped"]["indices"] == ["other"]
    assert found["at"]["object"]["searchable"] is False
    assert found["_id"]["_id"]["metadata_field"] is True
    assert set(logs.field_caps(index="logs", fields="*", types=["double"])["fields"]) == {"seconds"}


def test_names_with_a_date_in_them(es: Elasticsearch) -> None:
    month = datetime.datetime.now(datetime.UTC).strftime("%Y.%m")
    made = es.index(index="<dated-{now/M{yyyy.MM}}>", document={"a": 1})["_index"]
    assert made in (f"dated-{month}", datetime.datetime.now(datetime.UTC).strftime("dated-%Y.%m"))
    assert es.count(index="<dated-{now/M{yyyy.MM}}>,nothing*")["count"] == 1
