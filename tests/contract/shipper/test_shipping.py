"""Logs into the log store and the object store, over restarts of all three."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from minio import Minio
from minio.error import S3Error

from services.common.errors import TransientError
from services.common.settings import Settings
from services.common.waiting import wait_until
from services.shipper.archive import Archive
from services.shipper.shipper import Shipper
from services.supervisor.orphans import end_processes
from tests.contract.elasticsearch.conftest import LogStore


def test_logs_arrive_once_redacted_in_both_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LogStore(tmp_path)
    settings = store.home.settings
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True)
    try:
        shipper = Shipper(settings)
        now = datetime.datetime.now(datetime.UTC)
        lines = [
            {
                "timestamp": now.isoformat(),
                "level": level,
                "service": "airbyte",
                "message": text,
                "job_id": 7,
            }
            for level, text in (
                ("INFO", "started"),
                ("ERROR", f"login {settings.admin_password.get_secret_value()}"),
            )
        ]
        (logs / "airbyte.log").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        (logs / "postgres.log").write_text(
            f"{now:%Y-%m-%d %H:%M:%S.000} UTC [1] ERROR:  no such table\n"
        )
        with pytest.raises(TransientError):
            shipper.step()  # nothing listens yet: nothing is lost
        store.start()
        store.home.start_service("storage")
        # It dies after the store took the lines and before they are checked off.
        with monkeypatch.context() as patch:
            patch.setattr(Archive, "add", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                shipper.step()
        shipper.close()
        shipper = Shipper(settings)
        assert shipper.step() == 3
        assert shipper.step() == 0
        client = store.client()
        day = f"{now:%Y.%m.%d}"
        assert client.count(index=f"airbyte-logs-{day}")["count"] == 2
        assert _errors_by_service(client) == {"airbyte": 1, "postgres": 1}
        [hit] = client.search(index="airbyte-logs-*", query={"match": {"message": "login"}})[
            "hits"
        ]["hits"]
        assert hit["_source"]["message"] == "login ***"
        assert (
            client.ilm.explain_lifecycle(index=f"airbyte-logs-{day}")["indices"][
                f"airbyte-logs-{day}"
            ]["policy"]
            == "logs-retention"
        )
        wait_until(lambda: _s3(settings).bucket_exists("logs"), seconds=30, what="bucket logs")
        shipper.finish()
        assert _archived(settings) == {
            f"service=airbyte/date={now:%Y-%m-%d}": ["started", "login ***"],
            f"service=postgres/date={now:%Y-%m-%d}": ["no such table"],
        }
        shipper.close()
        client.close()
    finally:
        end_processes(settings)


def _errors_by_service(client: Elasticsearch) -> dict[str, int]:
    found = client.search(
        index="*-logs-*",
        size=0,
        query={
            "bool": {
                "filter": [
                    {"term": {"level": "ERROR"}},
                    {"range": {"timestamp": {"gte": "now-1h"}}},
                ]
            }
        },
        aggs={"services": {"terms": {"field": "service"}}},
    )
    return {b["key"]: b["doc_count"] for b in found["aggregations"]["services"]["buckets"]}


def _s3(settings: Settings) -> Minio:
    return Minio(
        settings.s3_endpoint,
        access_key="logs",
        secret_key=settings.logs_s3_secret_key.get_secret_value(),
        secure=False,
        region="us-east-1",
    )


def _archived(settings: Settings) -> dict[str, list[str]]:
    s3, found = _s3(settings), {}
    for entry in s3.list_objects("logs", recursive=True):
        body = gzip.decompress(s3.get_object("logs", entry.object_name).read())
        records = [json.loads(line) for line in body.splitlines()]
        found[entry.object_name.rpartition("/")[0]] = [r["message"] for r in records]
    with pytest.raises(S3Error):
        list(s3.list_objects("landing"))
    return found
