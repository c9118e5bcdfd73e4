"""Elasticsearch as a source: indices, aliases and patterns, typed; what is pushed down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.dremio import Dremio, JobFailed
from tests.support.platform import Home

pytestmark = pytest.mark.ours("the log store beside it is ours")

_ROWS = 3000


@pytest.fixture(scope="module")
def store(engine_home: Home) -> Iterator[httpx.Client]:
    """The log store with a day of log lines in two indices and one alias over both."""
    engine_home.start_service("elasticsearch")
    settings = engine_home.settings
    password = settings.elasticsearch_password.get_secret_value()
    with httpx.Client(
        base_url=settings.elasticsearch_url, auth=("elastic", password), timeout=60
    ) as http:
        mapping = {
            "properties": {
                "timestamp": {"type": "date"},
                "level": {"type": "keyword"},
                "service": {"type": "keyword"},
                "message": {"type": "text"},
                "records_synced": {"type": "long"},
                "took": {"type": "double"},
                "fine": {"type": "boolean"},
                "host": {"properties": {"name": {"type": "keyword"}, "cpu": {"type": "integer"}}},
            }
        }
        for day in ("2026.01.01", "2026.01.02"):
            body = {"mappings": mapping, "aliases": {"airbyte-logs": {}}}
            http.put(f"/airbyte-logs-{day}", json=body).raise_for_status()
        lines = []
        for number in range(_ROWS):
            day = 1 + number % 2
            lines.append({"index": {"_index": f"airbyte-logs-2026.01.0{day}", "_id": f"r{number}"}})
            lines.append(_record(number, day))
        text = "".join(
            httpx.Request("POST", "http://x", json=x).read().decode() + "\n" for x in lines
        )
        answer = http.post(
            "/_bulk?refresh=true",
            content=text,
            headers={"Content-Type": "application/x-ndjson"},
        ).raise_for_status()
        assert not answer.json()["errors"]
        yield http


def _record(number: int, day: int) -> dict[str, Any]:
    return {
        "timestamp": f"2026-01-0{day}T{number % 24:02d}:{number % 60:02d}:00.{number % 1000:03d}Z",
        "level": "ERROR" if number % 10 == 0 else "INFO",
        "service": f"worker-{number % 3}",
        "message": f'sync "{number}" (done)',
        "records_synced": number,
        "took": number / 4,
        "fine": number % 2 == 0,
        "host": {"name": f"h{number % 5}", "cpu": number % 8},
    }


@pytest.fixture(scope="module")
def logs(dremio: Dremio, engine_home: Home, store: httpx.Client) -> str:
    """The source, made as Dremio's API takes it."""
    settings = engine_home.settings
    config = {
        "hostList": [{"hostname": "127.0.0.1", "port": settings.elasticsearch_port}],
        "authenticationType": "ES_ACCOUNT",
        "username": "elastic",
        "password": settings.elasticsearch_password.get_secret_value(),
        "scriptsEnabled": False,
        "sslEnabled": False,
        "usePainless": True,
        "scrollSize": 1000,
    }
    body = {"entityType": "source", "name": "logs", "type": "ELASTIC", "config": config}
    answer = dremio.http.post("/api/v3/catalog", json=body)
    assert answer.status_code == 200, answer.text
    assert settings.elasticsearch_password.get_secret_value() not in answer.text
    assert answer.json()["state"]["status"] == "good"
    return "logs"


def test_rows_types_and_struct_fields(dremio: Dremio, logs: str) -> None:
    """Every page is read; columns have the mapping's types; objects are structs."""
    [(count, total, first)] = dremio.rows(
        'SELECT COUNT(*), SUM(records_synced), MIN("timestamp") FROM logs."airbyte-logs-*"'
    )
    assert (count, total) == (_ROWS, str(sum(range(_ROWS)))) or (count, total) == (
        _ROWS,
        sum(range(_ROWS)),
    )
    assert first == "2026-01-01 00:00:00.000"
    found = dremio.query(
        "SELECT l.level, l.message, l.fine, l.took, l.host.name AS h, _index "
        'FROM logs."airbyte-logs" l WHERE records_synced = 20'
    )
    assert found["rows"] == [
        {
            "level": "ERROR",
            "message": 'sync "20" (done)',
            "fine": True,
            "took": 5.0,
            "h": "h0",
            "_index": "airbyte-logs-2026.01.01",
        }
    ]
    described = {r[0]: r[1] for r in dremio.rows('DESCRIBE logs."airbyte-logs-2026.01.01"')}
    assert described["timestamp"] == "TIMESTAMP"
    assert described["records_synced"] == "BIGINT"
    assert described["level"] == "CHARACTER VARYING"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("level = 'ERROR'", lambda n, d: n % 10 == 0),
        ("level IN ('ERROR', 'WARN') AND records_synced > 1500",
         lambda n, d: not n % 10 and n > 1500),
        ("records_synced BETWEEN 10 AND 12 OR service = 'worker-1'",
         lambda n, d: 10 <= n <= 12 or n % 3 == 1),
        ("\"timestamp\" >= TIMESTAMP '2026-01-02 00:00:00'", lambda n, d: d == 2),
        ("\"timestamp\" < TIMESTAMP '2026-01-01 12:00:00'", lambda n, d: d == 1 and n % 24 < 12),
        ("NOT fine", lambda n, d: n % 2 == 1),
        ("level <> 'INFO'", lambda n, d: n % 10 == 0),
        ("message LIKE '%\"7%'", lambda n, d: str(n).startswith("7")),
        ("took > 700.25", lambda n, d: n / 4 > 700.25),
    ],
)  # fmt: skip
def test_conditions_give_the_same_rows(
    dremio: Dremio, logs: str, condition: str, expected: Any
) -> None:
    """A condition that the store answers chooses the rows that the engine would choose."""
    rows = dremio.rows(f'SELECT records_synced FROM logs."airbyte-logs-*" WHERE {condition}')
    wanted = [n for n in range(_ROWS) if expected(n, 1 + n % 2)]
    assert sorted(int(row[0]) for row in rows) == wanted


def test_conditions_columns_and_limits_reach_the_store(
    dremio: Dremio, logs: str, engine_home: Home
) -> None:
    """What is sent to `_search`, seen by a recorder between the engine and the store."""
    from tests.support.recorder import recorded

    settings = engine_home.settings
    with recorded(settings.elasticsearch_url) as (port, requests):
        config = {
            "hostList": [{"hostname": "127.0.0.1", "port": port}],
            "authenticationType": "ES_ACCOUNT",
            "username": "elastic",
            "password": settings.elasticsearch_password.get_secret_value(),
            "scrollSize": 500,
        }
        body = {"entityType": "source", "name": "seen", "type": "ELASTIC", "config": config}
        dremio.http.post("/api/v3/catalog", json=body).raise_for_status()
        dremio.rows(
            'SELECT service FROM seen."airbyte-logs" '
            "WHERE level = 'ERROR' AND records_synced >= 2000"
        )
        dremio.rows('SELECT service, message FROM seen."airbyte-logs" LIMIT 7')
    searches = [body for path, body in requests if path.split("?")[0].endswith("/_search")]
    filters = str(searches[0]["query"])
    assert "{'term': {'level': 'ERROR'}}" in filters
    assert "{'range': {'records_synced': {'gte': '2000'}}}" in filters
    assert "message" not in searches[0]["_source"]
    assert searches[1]["size"] == 7
    assert set(searches[1]["_source"]) == {"service", "message"}
    assert len(searches) == 2


def test_listed_and_refused(dremio: Dremio, logs: str) -> None:
    """Indices and aliases are listed; what is not there is not found; nothing can be written."""
    names = [
        row[0]
        for row in dremio.rows(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_SCHEMA = 'logs'"
        )
    ]
    assert {"airbyte-logs", "airbyte-logs-2026.01.01", "airbyte-logs-2026.01.02"} <= set(names)
    with pytest.raises(JobFailed, match="not found"):
        dremio.query('SELECT * FROM logs."no-such-index"')
    with pytest.raises(JobFailed, match="does not support creating or changing tables"):
        dremio.query("DELETE FROM logs.\"airbyte-logs\" WHERE level = 'INFO'")


def test_joined_and_stored(dremio: Dremio, logs: str) -> None:
    """Counted into a lake table and joined with it."""
    dremio.query(
        "CREATE TABLE gold.log_levels AS SELECT level, COUNT(*) AS lines "
        'FROM logs."airbyte-logs-*" GROUP BY level'
    )
    rows = dremio.rows(
        "SELECT g.level, g.lines, COUNT(l._uid) AS again FROM gold.log_levels g "
        'JOIN logs."airbyte-logs-*" l ON l.level = g.level GROUP BY 1, 2 ORDER BY 1'
    )
    assert [tuple(map(str, row)) for row in rows] == [
        ("ERROR", "300", "300"),
        ("INFO", "2700", "2700"),
    ]
    dremio.query("DROP TABLE gold.log_levels")
