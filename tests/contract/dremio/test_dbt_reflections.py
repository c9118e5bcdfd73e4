"""dbt-dremio's `reflection` materialization: its own tests where fetched, and a project here.

DBT_DREMIO_CHECKOUT: a checkout of dremio/dbt-dremio; its tests of reflections are run as they are.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dbt.version
import pytest
import yaml

from services.common.waiting import wait_until
from tests.contract.dremio.test_dbt import dbt as run_dbt
from tests.contract.dremio.test_dbt import target
from tests.support.dremio import Dremio
from tests.support.platform import Home

CHECKOUT = os.environ.get("DBT_DREMIO_CHECKOUT")
SUITE = "tests/functional/adapter/dremio_specific/test_reflections.py"
# The fixtures that the suite takes from its own conftest, for an engine on any port.
_CONFTEST = """
import json, os
import pytest

pytest_plugins = ["dbt.tests.fixtures.project"]


@pytest.fixture(scope="session")
def dbt_profile_target():
    return json.loads(os.environ["LAKELET_DBT_OUTPUT"])
"""
_INCIDENTS = """
SELECT '160' AS "IncidntNum", 'LARCENY' AS "Category", 'GRAND' AS "Descript",
  'Monday' AS "DayOfWeek", '2016-01-02' AS "Date", '10:00' AS "Time", 'NORTHERN' AS "PdDistrict",
  'NONE' AS "Resolution", 'MARKET ST' AS "Address", '-122.4' AS "X", '37.7' AS "Y",
  'POINT' AS "Location", '16' AS "PdId"
"""
_TRIPS = """
SELECT TIMESTAMP '2016-01-02 10:00:00' AS pickup_datetime, CAST(1.5 AS DOUBLE) AS trip_distance_mi
"""


@pytest.mark.skipif(CHECKOUT is None, reason="DBT_DREMIO_CHECKOUT names no checkout")
def test_the_adapters_own_tests_hold(engine_home: Home, dremio: Dremio, tmp_path: Path) -> None:
    dremio.query("CREATE SPACE Samples")
    dremio.query('CREATE FOLDER Samples."samples.dremio.com"')
    for name, sql in (("SF_incidents2016.json", _INCIDENTS), ("NYC-taxi-trips", _TRIPS)):
        dremio.query(f'CREATE VIEW Samples."samples.dremio.com"."{name}" AS {sql}')
    shutil.copy(Path(str(CHECKOUT)) / SUITE, tmp_path / "test_reflections.py")
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    # The suite reads the adapter from where its own build leaves it.
    (tmp_path / "build" / "lib").mkdir(parents=True)
    for folder in ("build", "build/lib"):
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "build" / "lib" / "dbt").symlink_to(Path(dbt.version.__file__).parent)
    dremio.query("CREATE SPACE dbt_test")
    named = target(engine_home.settings)
    settings = {n: v for n, v in named.items() if not n.startswith(("dremio_", "object_"))}
    settings |= {"threads": 1, "datalake": "gold", "database": "dbt_test"}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "."],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "LAKELET_DBT_OUTPUT": json.dumps(settings),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert " passed" in result.stdout


_PROJECT = {
    "dbt_project.yml": """
name: mirrored
version: "1.0"
profile: contract
model-paths: [models]
models:
  +twin_strategy: prevent
""",
    "models/fares.sql": """
{{ config(materialized="table") }}
SELECT * FROM (VALUES ('n', CAST(1.50 AS DECIMAL(10, 2)), TIMESTAMP '2024-01-01 10:00:00'),
  ('s', CAST(2.25 AS DECIMAL(10, 2)), TIMESTAMP '2024-01-02 11:00:00'),
  ('n', CAST(4.00 AS DECIMAL(10, 2)), TIMESTAMP '2024-01-02 12:00:00')) AS v(side, fare, taken_at)
""",
    "models/fares_seen.sql": """
{{ config(materialized="view") }}
SELECT side, fare, taken_at FROM {{ ref("fares") }}
""",
    "models/fares_by_side.sql": """
{{ config(materialized="reflection", reflection_type="aggregate", dimensions=["side", "taken_at"],
   date_dimensions=["taken_at"], measures=["fare", "side"],
   computations=["SUM,COUNT", "APPROXIMATE COUNT DISTINCT"], localsort_by=["side"]) }}
-- depends_on: {{ ref("fares_seen") }}
""",
    "models/fares_raw.sql": """
{{ config(materialized="reflection", reflection_type="raw", name="rows as they are") }}
-- depends_on: {{ ref("fares") }}
""",
}


def test_models_become_reflections_that_answer(
    engine_home: Home, dremio: Dremio, tmp_path: Path
) -> None:
    for name, text in _PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    output = {**target(engine_home.settings), "dremio_space_folder": "mirrored"}
    profile = {"contract": {"target": "dev", "outputs": {"dev": output}}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
    by_day = (
        "SELECT side, DATE_TRUNC('month', taken_at) AS m, SUM(fare) AS v, NDV(side) AS d "
        "FROM dbt_space.mirrored.fares_seen GROUP BY side, DATE_TRUNC('month', taken_at)"
    )
    rows = "SELECT fare, taken_at FROM gold.fares WHERE side = 's'"
    first = {}
    for _ in range(2):  # the second run finds the reflections there and changes nothing else
        run_dbt(tmp_path, "run")
        found = dict(dremio.rows("SELECT reflection_name, reflection_id FROM sys.reflections"))
        assert {"fares_by_side", "rows as they are"} <= set(found)
        for name, sql in (("fares_by_side", by_day), ("rows as they are", rows)):
            wait_until(
                lambda own=found[name], sql=sql: _chosen(dremio, sql) == {own},  # type: ignore[misc]
                seconds=60,
                what=f"reflection {name}",
            )
        assert sorted(dremio.rows(by_day)) == [
            ("n", "2024-01-01 00:00:00.000", 5.5, 1),
            ("s", "2024-01-01 00:00:00.000", 2.25, 1),
        ]
        assert dremio.rows(rows) == [(2.25, "2024-01-02 11:00:00.000")]
        assert first in ({}, found)
        first = found
    for name in ("fares_by_side", "rows as they are"):
        assert dremio.http.delete(f"/api/v3/reflection/{first[name]}").status_code == 200


def _chosen(dremio: Dremio, sql: str) -> set[str]:
    return {one for one, how in dremio.reflections_of(sql).items() if how == "CHOSEN"}
