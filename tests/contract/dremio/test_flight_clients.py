"""dremio-simple-query and dremio-arrow, unchanged, each in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import run_script
from tests.support.platform import Home

SCRIPTS = Path(__file__).parent / "clients"
ROWS = [{"n": 1, "name": "é"}, {"n": 2, "name": None}]


@pytest.fixture
def given(engine_home: Home) -> dict[str, Any]:
    settings = engine_home.settings
    return {
        "url": settings.dremio_url,
        "flight": settings.flight_uri,
        "host": settings.dremio_host,
        "port": settings.dremio_flight_port,
        "user": settings.admin_user,
        "password": settings.admin_password.get_secret_value(),
        "sql": "SELECT n, name FROM (VALUES (1, 'é'), (2, NULL)) t(n, name) ORDER BY n",
    }


def test_dremio_simple_query(given: dict[str, Any], tmp_path: Path) -> None:
    script = SCRIPTS / "with_simple_query.py"
    found = run_script("dremio-simple-query", script, given, tmp_path)
    assert found["arrow"] == found["polars"] == ROWS
    assert found["pandas"][0] == ROWS[0]
    assert found["duckdb"] == [[2, None], [1, "é"]]
    assert "Object 'no_such_table' not found" in found["refused"]
    assert "Invalid username or password" in found["stranger"]


@pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="dremio-arrow wants pyarrow 12, which was built for Python 3.11 at the latest",
)
def test_dremio_arrow(given: dict[str, Any], tmp_path: Path) -> None:
    found = run_script("dremio-arrow", SCRIPTS / "with_dremio_arrow.py", given, tmp_path)
    assert found["rows"] == ROWS
    assert found["day"] == ["2024-02-29"]
    assert found["once"] == [7]
    assert "Object 'no_such_table' not found" in found["refused"]
    assert "Invalid username or password" in found["stranger"]
