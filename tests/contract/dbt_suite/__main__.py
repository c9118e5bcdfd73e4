"""Run dbt-dremio's own functional suite against an engine of this run's own.

    python -m tests.contract.dbt_suite CHECKOUT [folders or tests]

CHECKOUT is a copy of the adapter's repository, fetched by whoever runs this. What its CI prepares
on a real Dremio is prepared here: the source, the space, users and roles, and small stand-ins
with the columns of Dremio's sample data.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from minio import Minio

from tests.support.clients import python_of
from tests.support.dremio import Dremio, source_body
from tests.support.platform import Home, services_in

_USERS = ("dbt_test_user_1", "dbt_test_user_2", "dbt_test_user_3")
_ROLES = ("dbt_test_role_1", "dbt_test_role_2", "test:role")
# Stand-ins with the columns of Dremio's sample files; tables, for reflections stand on tables.
_SAMPLES = {
    "SF_incidents2016.json": """
        SELECT '1600' || CAST(n AS VARCHAR) AS "IncidntNum", 'FRAUD' AS "Category",
          'd' AS "Descript", 'Friday' AS "DayOfWeek", '2016-01-0' || CAST(n AS VARCHAR) AS "Date",
          '12:00' AS "Time", 'SOUTHERN' AS "PdDistrict", 'NONE' AS "Resolution",
          'a' AS "Address", '-122.4' AS "X", '37.7' AS "Y", '(37.7, -122.4)' AS "Location",
          CAST(n AS BIGINT) AS "PdId"
        FROM (SELECT FLATTEN(ARRAY_GENERATE_RANGE(1, 10)) AS n)""",
    "NYC-taxi-trips": """
        SELECT TIMESTAMPADD(MINUTE, n, TIMESTAMP '2013-05-27 19:15:00') AS pickup_datetime,
          CAST(MOD(n, 5) AS BIGINT) AS passenger_count, n / CAST(7 AS DOUBLE) AS trip_distance_mi,
          n / CAST(3 AS DOUBLE) AS fare_amount, n / CAST(20 AS DOUBLE) AS tip_amount,
          n / CAST(2 AS DOUBLE) AS total_amount
        FROM (SELECT FLATTEN(ARRAY_GENERATE_RANGE(0, 200)) AS n)""",
}


def _prepare(home: Home) -> None:
    settings = home.settings
    password = settings.admin_password.get_secret_value()
    root, secret = settings.minio_root_user, settings.minio_root_password.get_secret_value()
    s3 = Minio(settings.s3_endpoint, root, secret, secure=False)
    for bucket in ("dbtdremios3", "samples.dremio.com"):
        s3.make_bucket(bucket)
    dremio = Dremio(settings.dremio_url, settings.admin_user, password)
    for name in ("dbt_test_source", "Samples"):
        body = source_body(settings, name, "/")
        body["config"] |= {"accessKey": root, "accessSecret": secret}
        dremio.http.put(f"/apiv2/source/{name}", json=body).raise_for_status()
    samples = 'Samples."samples.dremio.com"'
    for name, query in _SAMPLES.items():
        dremio.query(f'CREATE TABLE {samples}."{name}" AS {query}')
    trips = f'{samples}."NYC-taxi-trips'
    dremio.query(f'CREATE TABLE {trips}-iceberg" AS SELECT * FROM {trips}"')
    dremio.query("CREATE SPACE dbt_test")
    for user in _USERS:
        body = {"name": user, "password": f"{user}-Secret1"}
        dremio.http.post("/api/v3/user", json=body).raise_for_status()
    for role in _ROLES:
        dremio.query(f'CREATE ROLE "{role}"')


def _environment(home: Home) -> dict[str, str]:
    settings = home.settings
    return {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "LANG")},
        "HOME": str(home.folder),
        "PYTHONPATH": str(Path(__file__).with_name("plugin")),
        "LAKELET_DBT_SUITE_PORT": str(settings.dremio_port),
        "DREMIO_SOFTWARE_HOST": settings.bind_address,
        "DREMIO_SOFTWARE_USERNAME": settings.admin_user,
        "DREMIO_SOFTWARE_PASSWORD": settings.admin_password.get_secret_value(),
        "DREMIO_DATALAKE": "dbt_test_source",
        "DREMIO_DATABASE": "dbt_test",
        "DREMIO_EDITION": os.environ.get("DREMIO_EDITION", "enterprise"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **{f"DBT_TEST_USER_{n}": user for n, user in enumerate(_USERS, 1)},
        **{f"DBT_TEST_ROLE_{n}": role for n, role in enumerate(_ROLES[:2], 1)},
    }


def _checkout(suite: Path, home: Path) -> None:
    """Make what its CI makes before the tests."""
    built = suite / "build" / "lib" / "dbt"
    if not built.exists():  # what `pip install .` leaves behind, and a test imports
        shutil.copytree(suite / "dbt", built)
    scripts = suite / ".github" / "scripts"
    with zipfile.ZipFile(scripts / "projects.zip") as projects:
        projects.extractall(home / "project")
    (home / ".dbt").mkdir()
    shutil.copy(scripts / "profiles.yml", home / ".dbt")


def _folders(suite: Path) -> list[str]:
    """Return the folders that hold tests: each is run by itself, for they share a profile."""
    files = (suite / "tests").rglob("test_*.py")
    folders = {str(file.parent.relative_to(suite)) for file in files}
    return sorted(folder for folder in folders if not folder.startswith("tests/unit"))


def run(suite: Path, chosen: list[str], home: Home) -> int:
    """Run the chosen folders or tests (all of them when none is chosen); return the failures."""
    python = str(python_of("dbt-suite"))
    failed = 0
    for folder in chosen or _folders(suite):
        plugin = ["-p", "tests_contract_dbt_suite_port", "-p", "no:cacheprovider"]
        command = [python, "-m", "pytest", *plugin, "-q", "--no-header", "--tb=short", "-rfEs"]
        done = subprocess.run([*command, folder], cwd=suite, env=_environment(home), check=False)
        failed += done.returncode not in (0, 5)
    return failed


def main() -> int:
    """Prepare an engine, run the suite with the vendor's adapter, return how many folders fail."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    suite = Path(sys.argv[1]).resolve()
    with (
        tempfile.TemporaryDirectory(prefix="lakelet-dbt-suite-") as folder,
        services_in(Path(folder), "postgres", "storage", "dremio") as home,
    ):
        _prepare(home)
        _checkout(suite, home.folder)
        return run(suite, sys.argv[2:], home)


if __name__ == "__main__":
    sys.exit(main())
