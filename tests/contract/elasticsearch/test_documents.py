"""Documents through elasticsearch-py: bulk, single operations, conflicts, refusals."""

from __future__ import annotations

import httpx
import pytest
from elasticsearch import (
    AuthenticationException,
    BadRequestError,
    ConflictError,
    Elasticsearch,
    NotFoundError,
    helpers,
)

from tests.contract.elasticsearch.conftest import LogStore


def test_the_client_takes_it_for_elasticsearch(es: Elasticsearch) -> None:
    info = es.info()
    assert info["tagline"] == "You Know, for Search"
    assert info["version"]["lucene_version"].count(".") == 2
    assert es.cluster.health()["status"] == "green"


def test_bulk_reports_each_item(es: Elasticsearch) -> None:
    es.index(index="b", id="there", document={"n": 1})
    answer = es.bulk(
        operations=[
            {"index": {"_index": "b", "_id": "1"}}, {"n": 2, "level": "ERROR"},
            {"create": {"_index": "b", "_id": "there"}}, {"n": 3},
            {"index": {"_index": "b", "_id": "bad"}}, {"n": "many"},
            {"update": {"_index": "b", "_id": "there"}}, {"doc": {"level": "INFO"}},
            {"update": {"_index": "b", "_id": "none"}}, {"doc": {"n": 1}},
            {"delete": {"_index": "b", "_id": "1"}},
            {"delete": {"_index": "b", "_id": "none"}},
            {"index": {"_index": "b"}}, {"n": 4},
        ]
    )  # fmt: skip
    items = [next(iter(item.items())) for item in answer["items"]]
    assert [(a, i["status"]) for a, i in items] == [
        ("index", 201), ("create", 409), ("index", 400), ("update", 200), ("update", 404),
        ("delete", 200), ("delete", 404), ("index", 201),
    ]  # fmt: skip
    assert answer["errors"] is True
    assert items[1][1]["error"]["type"] == "version_conflict_engine_exception"
    assert items[2][1]["error"]["type"] == "document_parsing_exception"
    assert es.get(index="b", id="there")["_source"] == {"n": 1, "level": "INFO"}
    assert es.get(index="b", id="there")["_version"] == 2
    assert es.count(index="b")["count"] == 2


def test_helpers_bulk_is_idempotent_with_ids(es: Elasticsearch) -> None:
    documents = [{"_index": "h", "_id": str(n), "n": n} for n in range(1200)]
    for _ in range(2):
        done, errors = helpers.bulk(es, documents, chunk_size=500)
        assert (done, errors) == (1200, [])
    assert es.count(index="h")["count"] == 1200
    found = {hit["_source"]["n"] for hit in helpers.scan(es, index="h", size=500)}
    assert found == set(range(1200))


def test_source_is_given_back_as_it_came(es: Elasticsearch) -> None:
    document = {"a": [1, 2], "b": {"c": [{"d": "x"}, {"d": "y"}]}, "e": None, "ü": "ß", "f": []}
    es.index(index="s", id="k/1 ä", document=document)
    assert es.get(index="s", id="k/1 ä")["_source"] == document
    assert es.get_source(index="s", id="k/1 ä", source_includes="b.c.d") == {
        "b": {"c": [{"d": "x"}, {"d": "y"}]}
    }
    assert (
        es.search(index="s", query={"term": {"b.c.d.keyword": "y"}})["hits"]["total"]["value"] == 1
    )


def test_a_field_becomes_a_list_when_a_document_has_several_values(es: Elasticsearch) -> None:
    es.index(index="m", id="1", document={"tag": "a", "n": 1})
    es.index(index="m", id="2", document={"tag": ["a", "b"], "n": [2, 3]})
    for query, ids in (
        ({"term": {"tag.keyword": "a"}}, {"1", "2"}),
        ({"range": {"n": {"gte": 3}}}, {"2"}),
        ({"bool": {"must_not": {"match": {"tag": "b"}}}}, {"1"}),
    ):
        hits = es.search(index="m", query=query)["hits"]["hits"]
        assert {hit["_id"] for hit in hits} == ids


def test_optimistic_concurrency(es: Elasticsearch) -> None:
    first = es.index(index="o", id="1", document={"n": 1})
    known = {"if_seq_no": first["_seq_no"], "if_primary_term": first["_primary_term"]}
    es.index(index="o", id="1", document={"n": 2}, **known)
    with pytest.raises(ConflictError):
        es.index(index="o", id="1", document={"n": 3}, **known)
    with pytest.raises(ConflictError):
        es.create(index="o", id="1", document={"n": 4})
    with pytest.raises(NotFoundError):
        es.update(index="o", id="none", doc={"n": 1})
    assert es.get(index="o", id="1")["_source"] == {"n": 2}
    assert es.update(index="o", id="1", doc={"n": 2})["result"] == "noop"
    script = {"source": "ctx._source.n += params.by", "params": {"by": 5}}
    assert es.update(index="o", id="1", script=script, source=True)["get"]["_source"] == {"n": 7}


def test_by_query(es: Elasticsearch) -> None:
    helpers.bulk(es, [{"_index": "q", "_id": str(n), "n": n} for n in range(10)])
    assert es.delete_by_query(index="q", query={"range": {"n": {"lt": 4}}})["deleted"] == 4
    script = {"source": "ctx._source.seen = true"}
    assert es.update_by_query(index="q", query={"term": {"n": 5}}, script=script)["updated"] == 1
    assert es.count(index="q", query={"term": {"seen": True}})["count"] == 1
    assert es.count(index="q")["count"] == 6


def test_credentials(store: LogStore) -> None:
    answer = httpx.get(store.url, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "security_exception"
    assert "Basic" in answer.headers["www-authenticate"]
    with pytest.raises(AuthenticationException):
        Elasticsearch(store.url, basic_auth=("elastic", "wrong"), max_retries=0).info()
    with store.client() as client:
        key = client.security.create_api_key(name="reader", expiration="1d")
        with Elasticsearch(store.url, api_key=key["encoded"], max_retries=0) as with_key:
            assert with_key.security.authenticate()["authentication_type"] == "api_key"
            client.security.invalidate_api_key(ids=[key["id"]])
            with pytest.raises(AuthenticationException):
                with_key.info()


def test_refusals_have_elasticsearchs_shape(es: Elasticsearch) -> None:
    es.index(index="r", id="1", document={"message": "text", "n": 1})
    with pytest.raises(NotFoundError) as missing:
        es.search(index="missing")
    assert missing.value.body["error"]["root_cause"][0]["type"] == "index_not_found_exception"
    for query in (
        {"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}},
        {"nonsense": {}},
        {"match_phrase": {"message": {"query": "a b a", "slop": 2}}},
        {"term": {"n": "many"}},
    ):
        with pytest.raises(BadRequestError) as refused:
            es.search(index="r", query=query)
        error = refused.value.body["error"]
        assert refused.value.body["status"] == 400
        assert error["type"]
        assert error["root_cause"][0]["reason"]
    for aggregation in ({"geo_bounds": {"field": "n"}}, {"terms": {"field": "message"}}):
        with pytest.raises(BadRequestError):
            es.search(index="r", aggs={"a": aggregation})
    with pytest.raises(BadRequestError):
        es.indices.create(index="g", mappings={"properties": {"p": {"type": "geo_point"}}})


def test_what_shippers_send_to_a_stream_makes_one(es: Elasticsearch) -> None:
    # Vector's and Filebeat's default: Elasticsearch has a template for `logs-*-*` of its own.
    line = {"@timestamp": "2026-11-21T10:00:00Z", "message": "hello"}
    answer = es.bulk(operations=[{"create": {"_index": "logs-app-default"}}, line], refresh=True)
    assert answer["errors"] is False
    [stream] = es.indices.get_data_stream(name="logs-app-default")["data_streams"]
    assert stream["template"] == "logs"
    assert es.count(index="logs-app-default")["count"] == 1
    es.indices.delete_data_stream(name="logs-app-default")
    simulated = es.indices.simulate_template(index_patterns=["logs-app-*"], template={})
    assert [o["name"] for o in simulated["overlapping"]] == ["logs"]


@pytest.mark.filterwarnings("ignore:This API is in technical preview")
def test_work_that_goes_on_after_its_answer(es: Elasticsearch) -> None:
    es = es.options(request_timeout=120)
    lines = [line for n in range(2500) for line in ({"index": {}}, {"n": n})]
    es.bulk(index="many", operations=lines)
    started = es.reindex(
        source={"index": "many"}, dest={"index": "copy"}, wait_for_completion=False
    )
    ended = es.tasks.get(task_id=started["task"], wait_for_completion=True, timeout="60s")
    assert ended["completed"] is True
    assert ended["response"]["created"] == es.count(index="copy")["count"] == 2500
    assert es.tasks.list()["nodes"] == {}
    assert es.tasks.cancel(task_id=started["task"])["nodes"] == {}
    wrong = es.delete_by_query(index="copy", query={"no_such": {}}, wait_for_completion=False)[
        "task"
    ]
    failed = es.tasks.get(task_id=wrong, wait_for_completion=True, timeout="60s")
    assert failed["error"]["type"] == "parsing_exception"
    with pytest.raises(NotFoundError):
        es.tasks.get(task_id="elsewhere:1")


def test_policies_rest_while_stopped(es: Elasticsearch) -> None:
    policy = {"phases": {"delete": {"min_age": "0ms", "actions": {"delete": {}}}}}
    es.ilm.put_lifecycle(name="at-once", policy=policy)
    es.ilm.stop()
    assert es.ilm.get_status()["operation_mode"] == "STOPPED"
    # While they rest no round of theirs can come before what follows.
    es.indices.create(index="old", settings={"index.lifecycle.name": "at-once"})
    assert es.ilm.remove_policy(index="old")["has_failures"] is False
    assert es.ilm.explain_lifecycle(index="old")["indices"]["old"]["managed"] is False
    es.ilm.start()
    assert es.ilm.get_status()["operation_mode"] == "RUNNING"
    es.ilm.delete_lifecycle(name="at-once")


def test_by_query_stops_where_it_is_told_to(es: Elasticsearch) -> None:
    helpers.bulk(es, [{"_index": f"q{n % 2}", "_id": str(n), "n": n} for n in range(10)])
    script = {"source": "ctx._source.seen = true"}
    assert es.update_by_query(index="q*", script=script, max_docs=7)["updated"] == 7
    assert es.count(index="q*", query={"exists": {"field": "seen"}})["count"] == 7
    assert es.delete_by_query(index="q*", query={"match_all": {}}, max_docs=3)["deleted"] == 3
    assert es.count(index="q*")["count"] == 7


def test_a_stream_takes_only_new_documents_with_a_time(es: Elasticsearch) -> None:
    retention = {"phases": {"delete": {"min_age": "7d", "actions": {"delete": {}}}}}
    es.ilm.put_lifecycle(name="week", policy=retention)
    es.indices.put_index_template(
        name="events",
        index_patterns=["events-*"],
        data_stream={},
        priority=300,
        template={"settings": {"index.lifecycle.name": "week"}},
    )
    moment = {"@timestamp": "2026-11-20T00:00:00Z"}
    try:
        assert es.index(index="events-a", document=moment)["result"] == "created"
        for action, reason in (
            ({"index": {"_id": "1"}}, "op_type of create"),
            ({"update": {"_id": "1"}}, "op_type of create"),
            ({"create": {}}, "[@timestamp] is missing"),
        ):
            [item] = es.bulk(index="events-a", operations=[action, {"n": 1}])["items"]
            failed = next(iter(item.values()))
            assert (failed["status"], reason in failed["error"]["reason"]) == (400, True)
        with pytest.raises(BadRequestError, match="matches a data stream"):
            es.indices.delete(index="events-a")
        [stream] = es.indices.get_data_stream(name="events-a")["data_streams"]
        assert stream["ilm_policy"] == stream["indices"][0]["ilm_policy"] == "week"
        assert stream["indices"][0]["managed_by"] == "Index Lifecycle Management"
        assert es.count(index="events-a")["count"] == 1
    finally:
        es.indices.delete_data_stream(name="events-a")
        es.indices.delete_index_template(name="events")
        es.ilm.delete_lifecycle(name="week")
