"""Elastic's public client tests, where somebody has fetched them.

ELASTICSEARCH_CLIENTS_TESTS: the folder `tests/` of elastic/elasticsearch-clients-tests.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from services.supervisor.orphans import end_processes
from tests.contract.elasticsearch.conftest import LogStore
from tests.contract.elasticsearch.yaml_suite import AREAS, run_file

FOLDER = os.environ.get("ELASTICSEARCH_CLIENTS_TESTS")
# What the log store is for: here everything has to hold.
WHOLE = (
    "bulk", "index/", "search/", "count", "cat/", "cluster/component", "indices/index_template",
    "indices/template", "indices/simulate", "msearch.yml", "scroll", "point_in_time",
)  # fmt: skip


@pytest.mark.skipif(FOLDER is None, reason="ELASTICSEARCH_CLIENTS_TESTS names no checkout")
def test_nine_tenths_of_the_public_suite_hold(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    try:
        store.start()
        results = _results(store.client(), Path(str(FOLDER)))
    finally:
        end_processes(store.home.settings)
    failed = {name: problem for name, problem in results.items() if problem}
    assert len(results) > 60
    assert not [name for name in failed if name.startswith(WHOLE)], failed
    assert len(failed) <= len(results) / 10, failed


def _results(client: Elasticsearch, folder: Path) -> dict[str, str]:
    client.indices.create(index=".security-7")
    results: dict[str, str] = {}
    for path in sorted(folder.rglob("*.yml")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(AREAS):
            results |= {f"{name}: {t}": p for t, p in run_file(path, client)}
    return results
