"""The platform's own logs, in its log store."""

from __future__ import annotations

from elasticsearch import Elasticsearch
from pydantic import SecretStr

from services.common.waiting import wait_until
from tests.support.platform import Home


def test_the_services_logs_are_in_the_log_store_without_secrets(platform: Home) -> None:
    settings = platform.settings
    password = settings.elasticsearch_password.get_secret_value()
    with Elasticsearch(settings.elasticsearch_url, basic_auth=("elastic", password)) as client:

        def services() -> set[str]:
            found = client.search(
                index="*-logs-*", size=0, aggs={"s": {"terms": {"field": "service", "size": 50}}}
            )
            return {
                b["key"] for b in found.get("aggregations", {"s": {"buckets": []}})["s"]["buckets"]
            }

        expected = {"postgres", "storage", "dremio", "airbyte", "superset", "dbt"}
        wait_until(lambda: expected <= services(), seconds=60, what=f"logs of {expected}")
        secrets = {v.get_secret_value() for _, v in settings if isinstance(v, SecretStr)}
        for page in range(10):
            hits = client.search(index="*-logs-*", size=1000, from_=page * 1000, sort="_doc")
            texts = [str(hit["_source"]) for hit in hits["hits"]["hits"]]
            assert not [text for text in texts for secret in secrets if secret in text]
            if len(texts) < 1000:
                break
