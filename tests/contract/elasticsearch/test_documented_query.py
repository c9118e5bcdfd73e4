"""The command of docs/operations/logs.md, run as printed, and the whole of its answer."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess

import orjson
import pytest

from services.common.settings import CHECKOUT
from tests.contract.elasticsearch.conftest import LogStore

_PAGE = CHECKOUT / "docs/operations/logs.md"
_TEMPLATE = CHECKOUT / "monitoring/elasticsearch/templates/service-logs.json"
_LINES = [  # service, level, minutes ago
    ("airbyte", "ERROR", 5),
    ("airbyte", "ERROR", 59),
    ("airbyte", "INFO", 5),
    ("airbyte", "ERROR", 61),
    ("dremio", "ERROR", 1),
    ("dbt", "WARNING", 1),
    ("superset", "ERROR", 24 * 60),
]


def _command() -> str:
    section = _PAGE.read_text().partition("## Errors of the last hour, by service")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl")
def test_errors_of_the_last_hour_by_service(store: LogStore) -> None:
    client = store.client()
    client.indices.put_index_template(name="service-logs", **orjson.loads(_TEMPLATE.read_bytes()))
    now = datetime.datetime.now(datetime.UTC)
    operations: list[dict[str, object]] = []
    for service, level, minutes in _LINES:
        moment = now - datetime.timedelta(minutes=minutes)
        operations += [
            {"index": {"_index": f"{service}-logs-{moment:%Y.%m.%d}"}},
            {
                "timestamp": moment.isoformat(timespec="milliseconds"),
                "level": level,
                "service": service,
                "message": "a line",
            },
        ]
    try:
        assert not client.bulk(operations=operations, refresh=True)["errors"]
        shards = len(client.indices.get(index="*-logs-*").body)
        environment = {
            **os.environ,
            "ELASTICSEARCH_PASSWORD": store.password,
            "ELASTICSEARCH_PORT": str(store.home.settings.elasticsearch_port),
        }
        done = subprocess.run(
            ["bash", "-c", _command()], env=environment, capture_output=True, check=True
        )
        answer = orjson.loads(done.stdout)
        assert isinstance(answer.pop("took"), int)
        assert answer == {
            "timed_out": False,
            "_shards": {"total": shards, "successful": shards, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": 3, "relation": "eq"}, "max_score": None, "hits": []},
            "aggregations": {
                "by_service": {
                    "doc_count_error_upper_bound": 0,
                    "sum_other_doc_count": 0,
                    "buckets": [
                        {"key": "airbyte", "doc_count": 2},
                        {"key": "dremio", "doc_count": 1},
                    ],
                }
            },
        }
    finally:
        client.indices.delete(index="*-logs-*")
        client.indices.delete_index_template(name="service-logs")
