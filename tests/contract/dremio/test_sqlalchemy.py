"""sqlalchemy-dremio in Superset's own environment: what the dashboards run on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.common.settings import CHECKOUT
from tests.support.platform import Home

_SCRIPT = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
from sqlalchemy import create_engine, inspect, text
engine = create_engine(os.environ["DREMIO_URL"])
results = []
with engine.connect() as connection:
    for sql in json.load(sys.stdin):
        try:
            answer = connection.execute(text(sql))
            rows = [[str(value) for value in row] for row in answer.fetchall()]
            results.append({"names": list(answer.keys()), "rows": rows})
        except Exception as error:
            results.append({"error": str(error)})
names = inspect(engine).get_schema_names()
print(json.dumps({"results": results, "schemas": names}))
"""

STATEMENTS = [
    "SELECT 1",
    "SHOW SCHEMAS",
    "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_SCHEMA = 'sys' "
    "AND TABLE_NAME = 'version'",
    "SELECT DATE_TRUNC('MONTH', d) AS m, SUM(v) AS s, COUNT(*) AS c FROM (VALUES "
    "(TIMESTAMP '2024-01-15 10:00:00', 1.5), (TIMESTAMP '2024-01-20 10:00:00', 2.5)) t(d, v) "
    "WHERE d >= TO_TIMESTAMP('2024-01-01 00:00:00.000', 'YYYY-MM-DD HH24:MI:SS.FFF') "
    "GROUP BY DATE_TRUNC('MONTH', d)",
    "SELECT a FROM (VALUES (1)) t(a) WHERE a = 2",
    "SELECT TRUE AS b, CAST(1 AS FLOAT) AS f, ARRAY[1, 2] AS l, CAST('10:11:12' AS TIME) AS t",
    'DESCRIBE sys."version"',
    "SELECT * FROM no_such_table",
]


@pytest.fixture(scope="module")
def answers(engine_home: Home) -> dict[str, Any]:
    python = Path(os.environ.get("SUPERSET_PYTHON", CHECKOUT / ".venv-superset" / "bin" / "python"))
    if not python.exists():
        pytest.skip(f"no environment of Superset's: looked for {python}; run `make install`")
    settings = engine_home.settings
    url = (
        f"dremio+flight://{settings.admin_user}:{settings.admin_password.get_secret_value()}"
        f"@{settings.dremio_host}:{settings.dremio_flight_port}/dremio?UseEncryption=false"
    )
    done = subprocess.run(
        [str(python), "-c", _SCRIPT],
        input=json.dumps(STATEMENTS),
        env={"DREMIO_URL": url, "PATH": os.environ["PATH"], "HOME": str(engine_home.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_statements(answers: dict[str, Any]) -> None:
    results = answers["results"]
    assert results[0]["rows"] == [["1"]]
    assert ["sys"] in results[1]["rows"]
    assert results[2]["rows"] == [["version"]]
    assert results[3] == {
        "names": ["m", "s", "c"],
        "rows": [["2024-01-01 00:00:00", "4.0", "2"]],
    }
    assert results[4] == {"names": ["a"], "rows": []}
    assert results[5]["rows"] == [["True", "1.0", "[1 2]", "10:11:12"]]
    assert results[6]["names"][:2] == ["COLUMN_NAME", "DATA_TYPE"]
    assert len(results[6]["rows"]) >= 1


def test_errors_say_what_is_wrong(answers: dict[str, Any]) -> None:
    assert "Object 'no_such_table' not found" in answers["results"][7]["error"]


def test_schemas(answers: dict[str, Any]) -> None:
    assert {"sys", "INFORMATION_SCHEMA"} <= set(answers["schemas"])
