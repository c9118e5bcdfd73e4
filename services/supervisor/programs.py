"""The supervised programs: what each needs first and how its health is asked over the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psycopg

from services.common.settings import Settings


@dataclass(frozen=True)
class Program:
    """One supervised process, started as `python -m services.<name>`.

    `stop_signal`: what asks it to end cleanly (PostgreSQL's fast shutdown is SIGINT).
    """

    name: str
    answers: Callable[[Settings], bool]
    needs: tuple[str, ...] = ()
    stop_signal: str = "TERM"


def _http(address: Callable[[Settings], str]) -> Callable[[Settings], bool]:
    def answers(settings: Settings) -> bool:
        return httpx.get(address(settings), timeout=5, trust_env=False).is_success

    return answers


def _postgres(settings: Settings) -> bool:
    with psycopg.connect(settings.postgres_dsn("postgres"), connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def _storage(settings: Settings) -> bool:
    return (
        _http(lambda s: f"http://{s.s3_endpoint}/healthz")(settings)
        # An unauthenticated call is refused with 401 or 403 once the catalog listens.
        and httpx.get(f"{settings.iceberg_uri}/v1/config", timeout=5, trust_env=False).status_code
        < 500
    )


def _elasticsearch(settings: Settings) -> bool:
    password = settings.elasticsearch_password.get_secret_value()
    answer = httpx.get(
        settings.elasticsearch_url, auth=("elastic", password), timeout=5, trust_env=False
    )
    return answer.is_success


def _shipper(settings: Settings) -> bool:
    """Listens nowhere; it tells of itself by the file that it checks lines off in."""
    return (settings.data_dir / "shipper" / "checkpoint.json").exists()


_BASES = ("postgres", "storage")

PROGRAMS = (
    Program("postgres", _postgres, stop_signal="INT"),
    Program("storage", _storage),
    Program("dremio", _http(lambda s: f"{s.dremio_url}/apiv2/server_status"), _BASES),
    Program("airbyte", _http(lambda s: f"{s.airbyte_url}/api/v1/health"), _BASES),
    Program("superset", _http(lambda s: f"{s.superset_url}/health"), ("postgres",)),
    Program("elasticsearch", _elasticsearch),
    Program("shipper", _shipper),
)


def program(name: str) -> Program:
    """Return the program called `name`. Raises KeyError, listing the names there are."""
    for candidate in PROGRAMS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no service {name!r}; there are: {', '.join(p.name for p in PROGRAMS)}")
