"""API keys with role descriptors: they do what these say and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from elasticsearch import AuthorizationException, BadRequestError, Elasticsearch, helpers

from services.elasticsearch.handlers.authorization import NEEDS
from services.elasticsearch.wire.routes import ROUTES
from tests.contract.elasticsearch.conftest import LogStore


@pytest.fixture
def limited(es: Elasticsearch, store: LogStore) -> Iterator[Elasticsearch]:
    """A client whose key reads `app-*` and creates documents in `app-new-*`, and no more."""
    for name in ("app-1", "app-new-1", "other"):
        es.index(index=name, id="1", document={"n": 1})
    roles = {
        "reader": {"indices": [{"names": ["app-*"], "privileges": ["read"]}]},
        "writer": {"indices": [{"names": "app-new-*", "privileges": ["create_doc"]}]},
    }
    key = es.security.create_api_key(name="limited", role_descriptors=roles)
    shown = es.security.query_api_keys(query={"ids": {"values": [key["id"]]}})["api_keys"]
    assert shown[0]["role_descriptors"] == roles
    with Elasticsearch(store.url, api_key=key["encoded"], max_retries=0) as client:
        yield client


@pytest.mark.parametrize("es", [9], indirect=True)
def test_a_key_may_do_what_its_roles_say(limited: Elasticsearch) -> None:
    assert limited.search(index="app-*")["hits"]["total"]["value"] == 2
    assert limited.mget(docs=[{"_index": "app-1", "_id": "1"}])["docs"][0]["found"]
    scrolled = list(helpers.scan(limited, index="app-1"))
    assert [hit["_id"] for hit in scrolled] == ["1"]
    answer = limited.bulk(
        operations=[
            {"create": {"_index": "app-new-1", "_id": "2"}}, {"n": 2},
            {"create": {"_index": "other", "_id": "2"}}, {"n": 2},
            {"index": {"_index": "app-new-1", "_id": "1"}}, {"n": 2},
            {"delete": {"_index": "app-new-1", "_id": "1"}},
            {"create": {"_index": "app-new-2", "_id": "2"}}, {"n": 2},
        ]
    )  # fmt: skip
    statuses = [next(iter(item.values()))["status"] for item in answer["items"]]
    assert statuses == [201, 403, 403, 403, 403]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda es: es.search(index="other"),
        lambda es: es.search(index="app-1,other"),
        lambda es: es.search(index="a*"),
        lambda es: es.search(),
        lambda es: es.count(index="_all"),
        lambda es: es.get(index="other", id="1"),
        lambda es: es.mget(docs=[{"_index": "app-1", "_id": "1"}, {"_index": "other", "_id": "1"}]),
        lambda es: es.msearch(searches=[{"index": "app-1"}, {}, {"index": ["other"]}, {}]),
        lambda es: es.msearch(searches=[{}, {}]),
        lambda es: es.index(index="app-1", id="1", document={}),
        lambda es: es.delete(index="app-new-1", id="1"),
        lambda es: es.delete_by_query(index="app-new-1", query={"match_all": {}}),
        lambda es: es.reindex(source={"index": "other"}, dest={"index": "app-new-1"}),
        lambda es: es.indices.delete(index="app-1"),
        lambda es: es.indices.put_alias(index="other", name="app-alias"),
        lambda es: es.indices.update_aliases(
            actions=[{"add": {"index": "other", "alias": "app-alias"}}]
        ),
        lambda es: es.indices.put_index_template(name="t", index_patterns=["app-*"]),
        lambda es: es.cluster.health(),
        lambda es: es.security.create_api_key(name="more"),
        lambda es: es.security.get_api_key(),
        lambda es: es.clear_scroll(scroll_id="_all"),
    ],
)
@pytest.mark.parametrize("es", [9], indirect=True)
def test_a_key_may_do_no_more(limited: Elasticsearch, attempt: Callable[..., object]) -> None:
    with pytest.raises(AuthorizationException) as refused:
        attempt(limited)
    assert refused.value.body["error"]["type"] == "security_exception"


@pytest.mark.parametrize("es", [9], indirect=True)
def test_a_pretty_printed_body_names_its_indices_too(
    limited: Elasticsearch, store: LogStore
) -> None:
    body = '{"docs": [\n{"_id": "1",\n"_index":\n"other"}]}'
    key = limited._headers["authorization"]
    for options in (
        {"content": body},
        {"params": {"source": body, "source_content_type": "application/json"}},
    ):
        answer = httpx.request(
            "GET", f"{store.url}/_mget", trust_env=False,
            headers={"authorization": key, "content-type": "application/json"}, **options,
        )  # fmt: skip
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "role",
    [
        {"cluster": ["no_such"]},
        {"indices": [{"names": ["a"], "privileges": ["rule"]}]},
        {"indices": [{"names": ["a"], "privileges": ["read"], "query": '{"match_all": {}}'}]},
    ],
)
@pytest.mark.parametrize("es", [9], indirect=True)
def test_roles_that_could_not_be_kept_are_refused(es: Elasticsearch, role: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        es.security.create_api_key(name="k", role_descriptors={"r": role})


def test_the_table_of_needs_names_endpoints_that_there_are() -> None:
    assert {pattern for pattern, _ in NEEDS} <= {pattern for _, pattern, _ in ROUTES}
