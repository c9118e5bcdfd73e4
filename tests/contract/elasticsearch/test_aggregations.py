"""Aggregations through elasticsearch-py, against what DuckDB says of the same documents."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from elasticsearch import Elasticsearch, helpers

from tests.contract.elasticsearch.conftest import LogStore

START = datetime.datetime(2026, 3, 27, 21, tzinfo=datetime.UTC)  # before a change of clocks


@pytest.fixture(scope="module")
def both(store: LogStore) -> Iterator[tuple[Elasticsearch, duckdb.DuckDBPyConnection]]:
    random_ = random.Random(7)  # noqa: S311 - the same documents each time
    rows = []
    for number in range(3000):
        moment = START + datetime.timedelta(seconds=random_.randrange(4 * 86400))
        level = random_.choices(["ERROR", "WARN", "INFO"], [1, 2, 7])[0]
        service = random_.choice(["airbyte", "dremio", "dbt", None])
        seconds = round(random_.expovariate(1), 3) if random_.random() < 0.9 else None
        rows.append((number, moment, level, service, seconds, random_.randrange(50)))
    client = store.client()
    client.indices.create(
        index="agg",
        mappings={"properties": {"level": {"type": "keyword"}, "service": {"type": "keyword"}}},
    )
    names = ("n", "timestamp", "level", "service", "seconds", "records")
    helpers.bulk(
        client,
        (
            {"_index": "agg", "_id": str(r[0]), **dict(zip(names, r, strict=True))}
            | {"timestamp": r[1].isoformat()}
            for r in rows
        ),
    )
    sql = duckdb.connect()
    sql.execute("SET TimeZone = 'UTC'")
    sql.execute(
        "CREATE TABLE agg (n INT, timestamp TIMESTAMP, level VARCHAR, service VARCHAR, "
        "seconds DOUBLE, records INT)"
    )
    sql.executemany(
        "INSERT INTO agg VALUES (?, ?, ?, ?, ?, ?)",
        [(r[0], r[1].replace(tzinfo=None), *r[2:]) for r in rows],
    )
    yield client, sql
    client.indices.delete(index="agg")


Both = tuple[Elasticsearch, duckdb.DuckDBPyConnection]


def aggregate(both: Both, body: dict[str, Any], query: dict[str, Any] | None = None) -> Any:
    found = both[0].search(index="agg", size=0, aggs={"a": body}, query=query)
    return found["aggregations"]["a"]


def test_metrics(both: Both) -> None:
    query = {"term": {"level": "ERROR"}}
    expected = (
        both[1]
        .execute(
            "SELECT count(seconds), min(seconds), max(seconds), avg(seconds), sum(seconds), "
            "var_pop(seconds), stddev_samp(seconds), count(DISTINCT records), "
            "quantile_cont(seconds, [0.5, 0.95]) FROM agg WHERE level = 'ERROR'"
        )
        .fetchone()
    )
    assert expected is not None
    stats = aggregate(both, {"extended_stats": {"field": "seconds"}}, query)
    for name, value in zip(
        ("count", "min", "max", "avg", "sum", "variance", "std_deviation_sampling"),
        expected,
        strict=False,
    ):
        assert stats[name] == pytest.approx(value), name
    for name in ("min", "max", "avg", "sum"):
        found = aggregate(both, {name: {"field": "seconds"}}, query)
        assert found["value"] == pytest.approx(stats[name])
    assert aggregate(both, {"cardinality": {"field": "records"}}, query)["value"] == expected[7]
    percentiles = aggregate(
        both, {"percentiles": {"field": "seconds", "percents": [50, 95]}}, query
    )
    assert list(percentiles["values"].values()) == pytest.approx(expected[8])


def test_terms_in_terms_ordered_by_a_metric(both: Both) -> None:
    body = {
        "terms": {"field": "service", "missing": "none", "order": {"worst": "desc"}},
        "aggs": {
            "worst": {"max": {"field": "seconds"}},
            "levels": {
                "terms": {"field": "level", "size": 2},
                "aggs": {"s": {"sum": {"field": "records"}}},
            },
        },
    }
    expected = (
        both[1]
        .execute(
            "SELECT coalesce(service, 'none') AS s, count(*), max(seconds) FROM agg GROUP BY s "
            "ORDER BY 3 DESC"
        )
        .fetchall()
    )
    buckets = aggregate(both, body)["buckets"]
    assert [(b["key"], b["doc_count"], b["worst"]["value"]) for b in buckets] == expected
    for bucket in buckets:
        inner = (
            both[1]
            .execute(
                "SELECT level, count(*), sum(records)::DOUBLE FROM agg "
                "WHERE coalesce(service, 'none') = ? "
                "GROUP BY level ORDER BY 2 DESC, 1",
                [bucket["key"]],
            )
            .fetchall()
        )
        levels = bucket["levels"]
        assert [(b["key"], b["doc_count"], b["s"]["value"]) for b in levels["buckets"]] == inner[:2]
        assert levels["sum_other_doc_count"] == inner[2][1]


@pytest.mark.parametrize(
    ("body", "sql"),
    [
        (
            {"fixed_interval": "3h"},
            "time_bucket(INTERVAL 3 HOUR, timestamp, TIMESTAMP '1970-01-01')",
        ),
        ({"calendar_interval": "day"}, "date_trunc('day', timestamp)"),
        ({"calendar_interval": "week"}, "date_trunc('week', timestamp)"),
        (
            {"calendar_interval": "day", "time_zone": "Europe/Berlin"},
            "timezone('UTC', timezone('Europe/Berlin', date_trunc('day', "
            "timezone('Europe/Berlin', timezone('UTC', timestamp)))))",
        ),
        (
            {"calendar_interval": "day", "time_zone": "+05:30"},
            "date_trunc('day', timestamp + INTERVAL 330 MINUTE) - INTERVAL 330 MINUTE",
        ),
    ],
)
def test_date_histograms(both: Both, body: dict[str, Any], sql: str) -> None:
    expected = (
        both[1]
        .execute(f"SELECT epoch_ms({sql}), count(*) FROM agg GROUP BY 1 ORDER BY 1")
        .fetchall()
    )
    histogram = {"date_histogram": {"field": "timestamp", "min_doc_count": 1, **body}}
    found = aggregate(both, histogram)["buckets"]
    assert [(b["key"], b["doc_count"]) for b in found] == expected


def test_empty_buckets_are_filled(both: Both) -> None:
    query = {"range": {"n": {"lt": 20}}}
    body = {
        "date_histogram": {
            "field": "timestamp",
            "fixed_interval": "1h",
            "extended_bounds": {"min": "2026-03-27T00:00:00Z", "max": "2026-03-31T23:00:00Z"},
        }
    }
    buckets = aggregate(both, body, query)["buckets"]
    keys = [b["key"] for b in buckets]
    assert keys == list(range(keys[0], keys[-1] + 1, 3_600_000))
    assert len(keys) == 5 * 24
    assert sum(b["doc_count"] for b in buckets) == 20
    assert buckets[0]["key_as_string"] == "2026-03-27T00:00:00.000Z"


def test_ranges_filters_histogram(both: Both) -> None:
    ranges = {
        "range": {"field": "seconds", "ranges": [{"to": 0.5}, {"from": 0.5, "to": 2}, {"from": 1}]}
    }
    expected = (
        both[1]
        .execute(
            "SELECT count(*) FILTER (seconds < 0.5), "
            "count(*) FILTER (seconds >= 0.5 AND seconds < 2), "
            "count(*) FILTER (seconds >= 1), count(*) FILTER (seconds IS NULL), "
            "count(*) FILTER (level = 'ERROR'), count(*) FILTER (level <> 'ERROR') FROM agg"
        )
        .fetchone()
    )
    assert expected is not None
    found = aggregate(both, ranges)["buckets"]
    assert [b["doc_count"] for b in found] == list(expected[:3])
    assert [b["key"] for b in found] == ["*-0.5", "0.5-2.0", "1.0-*"]
    assert aggregate(both, {"missing": {"field": "seconds"}})["doc_count"] == expected[3]
    filters = {
        "filters": {"filters": {"bad": {"term": {"level": "ERROR"}}}, "other_bucket_key": "good"}
    }
    buckets = aggregate(both, filters)["buckets"]
    assert (buckets["bad"]["doc_count"], buckets["good"]["doc_count"]) == expected[4:6]
    histogram = aggregate(both, {"histogram": {"field": "records", "interval": 7}})["buckets"]
    counts = (
        both[1]
        .execute("SELECT floor(records / 7.0) * 7, count(*) FROM agg GROUP BY 1 ORDER BY 1")
        .fetchall()
    )
    assert [(b["key"], b["doc_count"]) for b in histogram] == counts


def test_composite_pages_through_every_combination(both: Both) -> None:
    sources = [
        {"day": {"date_histogram": {"field": "timestamp", "calendar_interval": "1d"}}},
        {"service": {"terms": {"field": "service", "order": "desc", "missing_bucket": True}}},
    ]
    found: list[tuple[Any, ...]] = []
    after: dict[str, Any] = {}
    while True:
        body = {
            "composite": {"size": 3, "sources": sources, **after},
            "aggs": {"m": {"max": {"field": "n"}}},
        }
        page = aggregate(both, body)
        if not page["buckets"]:
            break
        found += [
            (b["key"]["day"], b["key"]["service"], b["doc_count"], b["m"]["value"])
            for b in page["buckets"]
        ]
        after = {"after": page["after_key"]}
    expected = (
        both[1]
        .execute(
            "SELECT epoch_ms(date_trunc('day', timestamp)), service, count(*), max(n)::DOUBLE "
            "FROM agg "
            "GROUP BY 1, 2 ORDER BY 1, 2 DESC NULLS LAST"
        )
        .fetchall()
    )
    assert found == expected


def test_top_hits_of_each_bucket(both: Both) -> None:
    body = {
        "terms": {"field": "level"},
        "aggs": {
            "latest": {"top_hits": {"size": 1, "sort": [{"timestamp": "desc"}], "_source": ["n"]}}
        },
    }
    for bucket in aggregate(both, body)["buckets"]:
        latest = (
            both[1]
            .execute("SELECT max(timestamp) FROM agg WHERE level = ?", [bucket["key"]])
            .fetchone()
        )
        assert latest is not None
        [hit] = bucket["latest"]["hits"]["hits"]
        moment = latest[0].replace(tzinfo=datetime.UTC)
        assert hit["sort"] == [int(moment.timestamp() * 1000)]
        assert bucket["latest"]["hits"]["total"]["value"] == bucket["doc_count"]


def test_buckets_in_the_order_of_what_is_in_them(both: Both) -> None:
    worst = {"worst": {"percentiles": {"field": "seconds", "percents": [90]}}}
    day = "date_trunc('day', timestamp)"
    expected = [
        row[0]
        for row in both[1]
        .execute(
            f"SELECT epoch_ms({day}) FROM agg GROUP BY {day} "
            "ORDER BY quantile_cont(seconds, 0.9) DESC"
        )
        .fetchall()
    ]
    histogram = {"field": "timestamp", "calendar_interval": "day", "order": {"worst[90]": "desc"}}
    found = aggregate(both, {"date_histogram": histogram, "aggs": worst})["buckets"]
    assert [b["key"] for b in found] == expected
    expected = [
        row[0]
        for row in both[1]
        .execute(
            "SELECT level FROM agg GROUP BY level ORDER BY quantile_cont(seconds, 0.9) DESC, level"
        )
        .fetchall()
    ]
    terms = {"field": "level", "order": [{"worst.90": "desc"}, {"_key": "asc"}]}
    assert [
        b["key"] for b in aggregate(both, {"terms": terms, "aggs": worst})["buckets"]
    ] == expected
    expected = [
        row[0]
        for row in both[1]
        .execute(
            "SELECT service FROM agg WHERE service IS NOT NULL GROUP BY service "
            "ORDER BY count(*) FILTER (WHERE level = 'ERROR') DESC, service"
        )
        .fetchall()
    ]
    body = {
        "terms": {"field": "service", "order": {"bad": "desc"}},
        "aggs": {"bad": {"filter": {"term": {"level": "ERROR"}}}},
    }
    assert [b["key"] for b in aggregate(both, body)["buckets"]] == expected


def test_hits_of_a_bucket_are_shown_as_those_of_a_search(both: Both) -> None:
    query = {"bool": {"should": [{"term": {"level": {"value": "ERROR", "boost": 3}}}]}}
    shown = {"size": 2, "_source": False, "docvalue_fields": ["n"], "version": True}
    best = both[0].search(index="agg", query=query, size=2)["hits"]
    found = aggregate(both, {"top_hits": shown}, query)["hits"]
    assert found["max_score"] == best["max_score"] > 1
    for hit, same in zip(found["hits"], best["hits"], strict=True):
        assert (hit["_id"], hit["_score"], hit["_version"]) == (same["_id"], same["_score"], 1)
        assert hit["fields"] == {"n": [same["_source"]["n"]]}


def test_names_with_their_types(both: Both) -> None:
    body = {
        "terms": {"field": "records", "size": 1},
        "aggs": {"m": {"date_histogram": {"field": "timestamp", "fixed_interval": "30d"}}},
    }
    found = both[0].search(index="agg", size=0, aggs={"a": body}, typed_keys=True)["aggregations"]
    assert set(found["lterms#a"]["buckets"][0]) == {"key", "doc_count", "date_histogram#m"}
    bounded = {"field": "records", "interval": 10, "hard_bounds": {"min": 10, "max": 29}}
    buckets = aggregate(both, {"histogram": bounded})["buckets"]
    assert [b["key"] for b in buckets] == [10, 20]


def test_an_hour_that_comes_twice_is_two_buckets(store: LogStore) -> None:
    es = store.client()
    first = datetime.datetime(2026, 10, 24, 22, 30, tzinfo=datetime.UTC)  # the clocks go back at 01
    hours = [first + datetime.timedelta(hours=number) for number in range(26)]
    helpers.bulk(es, [{"_index": "autumn", "timestamp": hour.isoformat()} for hour in hours])

    def buckets(**interval: str) -> list[tuple[str, int]]:
        histogram = {"field": "timestamp", "time_zone": "Europe/Berlin", **interval}
        found = es.search(index="autumn", size=0, aggs={"a": {"date_histogram": histogram}})
        return [(b["key_as_string"], b["doc_count"]) for b in found["aggregations"]["a"]["buckets"]]

    hourly = buckets(calendar_interval="hour")
    assert hourly == buckets(fixed_interval="1h")
    assert [count for _, count in hourly] == [1] * 26
    assert [name for name, _ in hourly[2:4]] == [
        "2026-10-25T02:00:00.000+02:00",
        "2026-10-25T02:00:00.000+01:00",
    ]
    assert buckets(fixed_interval="12h") == [
        ("2026-10-25T00:00:00.000+02:00", 13),
        ("2026-10-25T12:00:00.000+01:00", 12),
        ("2026-10-26T00:00:00.000+01:00", 1),
    ]
    assert buckets(calendar_interval="day")[0] == ("2026-10-25T00:00:00.000+02:00", 25)
    es.indices.delete(index="autumn")
