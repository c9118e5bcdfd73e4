"""What was acknowledged is there after `kill -9`, once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch, TransportError

from services.common.waiting import wait_until
from services.supervisor.orphans import end_processes
from tests.contract.elasticsearch.conftest import LogStore

pytestmark = pytest.mark.ours("it kills the server")


def test_kill_during_bulk_loses_and_doubles_nothing(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    try:
        store.start()
        acknowledged: set[str] = set()
        for round_ in range(2):
            writer = threading.Thread(target=_write, args=(store.client(), round_, acknowledged))
            writer.start()
            wanted = len(acknowledged) + 500
            wait_until(lambda w=wanted: len(acknowledged) > w, seconds=60, what="documents")
            store.kill()
            writer.join(timeout=20)
            before = len(acknowledged)
            store.start()
            client = store.client()
            found = client.search(index="k", size=0, aggs={"ids": {"cardinality": {"field": "n"}}})
            count = client.count(index="k")["count"]
            assert found["aggregations"]["ids"]["value"] == count  # none doubled
            ids = sorted(acknowledged)
            there = client.mget(index="k", ids=ids, source=False)["docs"]
            assert all(document["found"] for document in there)
            assert before > 0
        # Bulks are all or nothing: no half of one was left behind.
        assert count % 50 == 0
    finally:
        end_processes(store.home.settings)


def _write(client: Elasticsearch, round_: int, acknowledged: set[str]) -> None:
    number = 0
    while True:
        ids = [f"{round_}-{number + n}" for n in range(50)]
        operations = [
            line
            for identifier in ids
            for line in ({"index": {"_id": identifier}}, {"n": identifier, "message": "a log line"})
        ]
        try:
            answer = client.bulk(index="k", operations=_with_keyword(operations))
        except TransportError:
            return
        assert answer["errors"] is False
        acknowledged.update(ids)
        number += 50


def _with_keyword(operations: list[dict[str, object]]) -> list[dict[str, object]]:
    """Numbers instead of texts in `n`: a number for each id, so that they can be counted."""
    for line in operations:
        if "n" in line:
            first, _, second = str(line["n"]).partition("-")
            line["n"] = int(first) * 1_000_000 + int(second)
    return operations


@pytest.mark.parametrize("es", [9], indirect=True)
def test_metadata_outlives_a_restart(es: Elasticsearch, store: LogStore) -> None:
    es.indices.put_index_template(
        name="t",
        index_patterns=["r-*"],
        template={"mappings": {"properties": {"a": {"type": "keyword"}}}},
    )
    # The field `b` is made with one value and becomes a list: the log of both must be replayable.
    es.index(index="r-1", id="0", document={"a": "x", "b": "w"})
    es.index(index="r-1", id="1", document={"a": "x", "b": ["y", "z"]})
    es.indices.put_alias(index="r-1", name="r")
    mapping = es.indices.get_mapping(index="r-1").body
    store.kill()
    store.start()
    assert es.indices.get_mapping(index="r-1").body == mapping
    for value in "wz":
        assert es.count(index="r", query={"term": {"b.keyword": value}})["count"] == 1
    es.indices.delete_index_template(name="t")
