"""The query in docs/operations/logs.md answers as the page says."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
from pathlib import Path

from services.common.settings import CHECKOUT
from services.shipper.elastic import LogStore as Client
from services.supervisor.orphans import end_processes
from tests.contract.elasticsearch.conftest import LogStore


def test_the_pages_query_counts_the_last_hours_errors_by_service(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "operations" / "logs.md").read_text()
    [command] = re.findall(r"```sh\n(curl .*?)```", page, re.DOTALL)
    store = LogStore(tmp_path)
    try:
        store.start()
        now = datetime.datetime.now(datetime.UTC)
        documents = []
        for number, (service, level, minutes) in enumerate(
            [
                ("airbyte", "ERROR", 1),
                ("airbyte", "ERROR", 59),
                ("airbyte", "ERROR", 61),
                ("airbyte", "INFO", 1),
                ("dremio", "ERROR", 2),
            ]
        ):
            moment = (now - datetime.timedelta(minutes=minutes)).isoformat()
            record = {"timestamp": moment, "level": level, "service": service, "message": "m"}
            documents.append((f"{service}-logs-{now:%Y.%m.%d}", str(number), record))
        client = Client(store.home.settings)
        assert client.send(documents) == 0
        assert client.send(documents) == 0  # again: they are there already
        client.close()
        environment = {
            **os.environ,
            "ELASTICSEARCH_PASSWORD": store.password,
            "ELASTICSEARCH_PORT": str(store.home.settings.elasticsearch_port),
        }
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
        )
        answer = json.loads(done.stdout)
        assert isinstance(answer.pop("took"), int)
        assert answer == {
            "timed_out": False,
            "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
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
        end_processes(store.home.settings)
