from __future__ import annotations

import datetime

import pytest

from services.shipper.parse import Parser

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
_SAID = "S3Tables: error handling"


@pytest.mark.parametrize(
    ("line", "time", "level", "message"),
    [
        (
            '{"timestamp":"2026-11-21T09:00:00.5Z","level":"ERROR","service":"dremio","message":"m"}',
            "2026-11-21T09:00:00.500Z", "ERROR", "m",
        ),
        (
            "2026-11-21 09:46:42.123 UTC [42] shop@shop FATAL:  password authentication failed",
            "2026-11-21T09:46:42.123Z", "CRITICAL", "password authentication failed",
        ),
        ("2026-11-21 09:46:42 UTC [42] LOG:  ready", "2026-11-21T09:46:42.000Z", "INFO", "ready"),
        (
            "W1121 09:46:42.060157 filer.go:12] disk is nearly full",
            "2026-11-21T09:46:42.060Z", "WARNING", "disk is nearly full",
        ),
        ("E1231 09:00:00.000001 a.go:1 late", "2025-12-31T09:00:00.000Z", "ERROR", "late"),
        ("[2026-11-21 09:46:42 +0000] [7] [INFO] up", "2026-11-21T09:46:42.000Z", "INFO", "up"),
        ("2026-11-21 09:46:42,250 WARN died", "2026-11-21T09:46:42.250Z", "WARNING", "died"),
        ("no form at all", "2026-11-21T12:00:00.000Z", "INFO", "no form at all"),
        ('{"broken', "2026-11-21T12:00:00.000Z", "INFO", '{"broken'),
    ],
)  # fmt: skip
def test_each_writers_lines_get_the_same_fields(
    line: str, time: str, level: str, message: str
) -> None:
    record = Parser("storage").parse(line, NOW)
    assert (record["timestamp"], record["level"], record["message"]) == (time, level, message)


def test_a_line_without_time_takes_that_of_the_line_before() -> None:
    parser = Parser("postgres")
    parser.parse("2026-11-21 09:46:42.123 UTC [42] ERROR:  syntax error", NOW)
    record = parser.parse("\tat character 12", NOW)
    assert record["timestamp"] == "2026-11-21T09:46:42.123Z"
    assert record["level"] == "ERROR"
    assert record["service"] == "postgres"


def test_what_a_service_says_beside_the_fields_is_kept() -> None:
    line = (
        '{"level":"info","service":"Airbyte Server","message":"done","job_id":7,"bytes_synced":5}'
    )
    record = Parser("airbyte").parse(line, NOW)
    assert (record["job_id"], record["bytes_synced"], record["service"]) == (7, 5, "airbyte-server")


def test_dbts_own_form() -> None:
    line = (
        '{"data":{},"info":{"ts":"2026-11-21T09:00:00.123456Z","level":"error","msg":"failed",'
        '"name":"MainReportVersion","invocation_id":"i1"}}'
    )
    assert Parser("dbt").parse(line, NOW) == {
        "timestamp": "2026-11-21T09:00:00.123Z",
        "level": "ERROR",
        "service": "dbt",
        "message": "failed",
        "logger": "MainReportVersion",
        "correlation_id": "i1",
    }


@pytest.mark.parametrize(
    ("logger", "message", "level"),
    [
        ("handler.go:218", f"{_SAID} GetTable: filer: no entry is found in filer store", "INFO"),
        ("handler.go:218", f"{_SAID} GetTable: attribute not found: s3tables.metadata", "INFO"),
        ("handler.go:218", f"{_SAID} CreateNamespace: namespace already exists", "INFO"),
        ("handler_namespace.go:18", "S3Tables: handleCreateNamespace called", "DEBUG"),
        ("handler.go:218", f"{_SAID} ListNamespaces: access denied", "ERROR"),
        ("handler.go:218", f"{_SAID} GetTable: connection refused", "ERROR"),
        ("volume.go:9", "volume 3: no entry is found in filer store", "ERROR"),
    ],
)
def test_seaweedfs_answers_to_clients_are_no_errors(logger: str, message: str, level: str) -> None:
    record = Parser("storage").parse(f"E1121 09:46:42.060157 {logger} {message}", NOW)
    assert (record["level"], record["message"]) == (level, message)
    assert record.get("level_said") == (None if level == "ERROR" else "ERROR")


def test_what_the_migrations_try_is_no_error() -> None:
    line = '2026-11-21 22:41:44.085 UTC [18630] dremio@dremio ERROR:  table "{}" does not exist'
    tried = Parser("postgres").parse(line.format("yoyo_tmp_YwUgf0tUIj"), NOW)
    assert (tried["level"], tried["level_said"]) == ("DEBUG", "ERROR")
    assert Parser("postgres").parse(line.format("orders"), NOW)["level"] == "ERROR"


def test_what_supervisord_remarks_is_not_critical() -> None:
    line = "2026-11-21 23:03:57,123 CRIT {}"
    remark = "Server 'unix_http_server' running without any HTTP authentication checking"
    assert Parser("supervisor").parse(line.format(remark), NOW)["level"] == "INFO"
    assert Parser("supervisor").parse(line.format("reaping"), NOW)["level"] == "CRITICAL"


def test_a_picture_that_superset_misses_is_no_warning() -> None:
    line = '{"level":"WARNING","logger":"superset.views.base","message":"%s","timestamp":1}'
    missing = "Could not load default spinner SVG: [Errno 2] No such file or directory"
    assert Parser("superset").parse(line % missing, NOW)["level"] == "DEBUG"
    assert Parser("superset").parse(line % "slow", NOW)["level"] == "WARNING"
