"""How each service is asked whether it is well: over the wire, as its clients would."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import httpx
import psycopg

from services.common import backups
from services.common.settings import Settings
from services.common.shipping import read_status

Question = Callable[[Settings], bool]


def http(address: Callable[[Settings], str]) -> Question:
    """Return a question that is answered by any 2xx status at `address`."""

    def well(settings: Settings) -> bool:
        return _client().get(address(settings)).is_success

    return well


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    # One for all questions: each new one reads the machine's certificates, for 25 ms.
    return httpx.Client(timeout=5, trust_env=False)


def _postgres(settings: Settings) -> bool:
    with psycopg.connect(settings.postgres_dsn("postgres"), connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def _storage(settings: Settings) -> bool:
    return (
        http(lambda s: f"http://{s.s3_endpoint}/healthz")(settings)
        # An unauthenticated call is refused with 401 or 403 once the catalog listens.
        and _client().get(f"{settings.iceberg_uri}/v1/config").status_code < 500
    )


def _elasticsearch(settings: Settings) -> bool:
    password = settings.elasticsearch_password.get_secret_value()
    return _client().get(settings.elasticsearch_url, auth=("elastic", password)).is_success


def _shipper(settings: Settings) -> bool:
    status = read_status(settings)
    return status is not None and status.is_well(time.time())


QUESTIONS: dict[str, Question] = {
    "postgres": _postgres,
    "storage": _storage,
    "dremio": http(lambda s: f"{s.dremio_url}/apiv2/server_status"),
    "airbyte": http(lambda s: f"{s.airbyte_url}/api/v1/health"),
    "superset": http(lambda s: f"{s.superset_url}/health"),
    "elasticsearch": _elasticsearch,
    "shipper": _shipper,
    "exporter": http(lambda s: f"{s.exporter_url}/-/healthy"),
    "backups": backups.is_well,
    "prometheus": http(lambda s: f"{s.prometheus_url}/-/ready"),
    "alertmanager": http(lambda s: f"{s.alertmanager_url}/-/ready"),
}


MONITORING = {"prometheus", "alertmanager"}
"""Services that only run with MONITORING=on."""


def answers(name: str, settings: Settings) -> bool:
    """Ask service `name`; whatever goes wrong, the service does not answer."""
    try:
        return QUESTIONS[name](settings)
    except Exception:  # noqa: BLE001 - whatever the client raises
        return False
