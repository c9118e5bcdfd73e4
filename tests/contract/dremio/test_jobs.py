"""Jobs: time limits, cancelling, profiles, and results that are answered again, never stale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import pytest
from adbc_driver_flightsql import DatabaseOptions

from services.common.waiting import wait_until
from tests.support.dremio import Dremio, JobFailed
from tests.support.people import Person, refused
from tests.support.platform import Home

_TEN = "(VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10))"
_TABLE = "gold.jobs.numbers"


def _crossed(times: int) -> str:
    return ", ".join(f"{_TEN} t{i}(x{i})" for i in range(times))


_FOREVER = f"SELECT COUNT(*) AS n, SUM(x0 * x11) AS s FROM {_crossed(12)}"
# Slow enough to be looked for, whatever the machine.
_SLOW = f"SELECT SUM(n.a * x0) AS s, COUNT(*) AS n FROM {_TABLE} n, {_crossed(6)}"


@pytest.fixture(scope="module", autouse=True)
def numbers(dremio: Dremio) -> None:
    """A table of ten numbers."""
    dremio.query(f"CREATE TABLE {_TABLE} AS SELECT x AS a FROM {_TEN} t(x)")


def _profile(dremio: Dremio, job: str) -> dict[str, Any]:
    found: dict[str, Any] = dremio.http.get(f"/api/v3/job/{job}/profile").raise_for_status().json()
    return found


def _fetch(cursor: adbc.Cursor, sql: str) -> None:
    cursor.execute(sql)
    cursor.fetchall()


def _run(dremio: Dremio, sql: str) -> tuple[list[Any], bool]:
    """Return a statement's rows and whether they were kept ones."""
    job = dremio.submit(sql)
    status = dremio.wait(job)
    assert status["jobState"] == "COMPLETED", status
    rows = dremio.http.get(f"/api/v3/job/{job}/results").json()["rows"]
    return rows, _profile(dremio, job)["fromResultCache"]


def _until_kept(dremio: Dremio, sql: str) -> list[Any]:
    """Run a statement until its rows are kept ones: the third time at the latest."""
    answers = [_run(dremio, sql) for _ in range(3)]
    assert answers[-1][1], answers
    assert answers[0][0] == answers[1][0] == answers[2][0]
    return answers[-1][0]


def test_a_profile_tells_plan_rows_bytes_and_phases(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    job = dremio.submit(f"SELECT a, a * 2 AS b FROM {_TABLE} WHERE a > 3 ORDER BY a")
    assert dremio.wait(job)["jobState"] == "COMPLETED"
    found = _profile(dremio, job)
    assert found["rows"] == 7
    assert found["bytes"] >= 7 * 8
    assert set(found["phasesMs"]) == {"queued", "planning", "executing", "sending", "total"}
    assert found["phasesMs"]["planning"] > 0
    assert found["phasesMs"]["executing"] > 0
    parts = sum(value for name, value in found["phasesMs"].items() if name != "total")
    assert parts <= found["phasesMs"]["total"] + 1
    operators = str(found["plan"])
    assert "ORDER_BY" in operators
    assert "'cardinality': 7" in operators
    wes = people("wes")
    assert wes.rest.http.get(f"/api/v3/job/{job}/profile").status_code == 404
    failed = dremio.submit("SELECT nope FROM gold.jobs.numbers")
    dremio.wait(failed)
    assert _profile(dremio, failed)["jobState"] == "FAILED"


def test_a_statement_that_runs_too_long_is_stopped(engine_home: Home, dremio: Dremio) -> None:
    settings = engine_home.settings
    with (
        adbc.connect(
            settings.flight_uri,
            db_kwargs={
                DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {dremio.token}",
                DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true",
            },
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("ALTER SESSION SET statement_timeout = 0.5")
        cursor.fetchall()
        with pytest.raises(Exception, match=r"ran longer than 0\.5 s"):
            _fetch(cursor, _FOREVER)
        cursor.execute("ALTER SESSION RESET statement_timeout")
        cursor.fetchall()
    told = dremio.rows(
        "SELECT status, error_msg FROM sys.jobs_recent WHERE error_msg LIKE '%longer than 0.5 s%'"
    )
    assert [status for status, _ in told] == ["CANCELED"]
    with pytest.raises(JobFailed, match="expected seconds"):
        dremio.query("ALTER SESSION SET statement_timeout = soon")
    dremio.query("ALTER SYSTEM SET statement_timeout = 0.75")
    try:
        with pytest.raises(JobFailed, match=r"ran longer than 0\.75 s"):
            dremio.query(_FOREVER)
    finally:
        dremio.query("ALTER SYSTEM RESET statement_timeout")


def test_cancelled_whenever_it_is_asked(dremio: Dremio) -> None:
    """At once after submitting, when the statement may be anywhere on its way."""
    jobs = [dremio.submit(_FOREVER) for _ in range(4)]
    for job in jobs:
        assert dremio.http.post(f"/api/v3/job/{job}/cancel").status_code == 204
    for job in jobs:
        assert dremio.wait(job)["jobState"] == "CANCELED"


def test_kept_results_are_of_the_tables_state_and_the_users_rights(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    dremio.query("CREATE SPACE jobs")
    dremio.query(f"CREATE VIEW jobs.v AS {_SLOW}")
    through_view = "SELECT s, n FROM jobs.v"
    first = _until_kept(dremio, through_view)
    # A change, its rollback, another view: each shows at once.
    dremio.query(f"INSERT INTO {_TABLE} VALUES (1000)")
    changed, kept = _run(dremio, through_view)
    assert (changed != first, kept) == (True, False)
    snapshots = dremio.rows(
        f"SELECT snapshot_id FROM TABLE(table_snapshot('{_TABLE}')) ORDER BY committed_at"
    )
    dremio.query(f"ROLLBACK TABLE {_TABLE} TO SNAPSHOT '{snapshots[0][0]}'")
    assert _run(dremio, through_view) == (first, False)
    assert _until_kept(dremio, through_view) == first
    dremio.query(f"CREATE OR REPLACE VIEW jobs.v AS {_SLOW.replace('n.a * x0', 'n.a + x0')}")
    other, kept = _run(dremio, through_view)
    assert (other != first, kept) == (True, False)
    # Rights: another user gets no rows of the administrator's, nor after their rights ended.
    vic = people("vic")
    with refused():
        vic.rest.query(through_view)
    dremio.query("GRANT SELECT ON VIEW jobs.v TO USER vic")
    assert _until_kept(vic.rest, through_view) == other
    dremio.query("REVOKE SELECT ON VIEW jobs.v FROM USER vic")
    with refused():
        vic.rest.query(through_view)
    assert _run(dremio, through_view)[0] == other


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT COUNT(*) AS n, MAX(RANDOM()) AS r FROM {_crossed(6)}, {_TABLE}",
        f"SELECT COUNT(*) AS n, NOW() AS r FROM {_crossed(6)}, {_TABLE}",
        f"SELECT COUNT(*) AS n, UNIX_TIMESTAMP() AS r FROM {_crossed(6)}, {_TABLE}",
        f"SELECT COUNT(*) AS n, CURRENT_DATE AS r FROM {_crossed(6)}, {_TABLE}",
        f"SELECT COUNT(*) AS n, QUERY_USER() AS r FROM {_crossed(6)}, {_TABLE}",
        f"SELECT COUNT(*) AS n FROM {_crossed(6)}, sys.version",
        f"SELECT COUNT(*) AS n FROM {_crossed(6)}",
    ],
)
def test_what_changes_by_itself_is_never_kept(dremio: Dremio, sql: str) -> None:
    assert not any(_run(dremio, sql)[1] for _ in range(3))


def test_a_change_while_a_result_is_read_keeps_nothing(dremio: Dremio, engine_home: Home) -> None:
    """Rows of before the change, asked for again after it: they are not answered again."""
    sql = f"SELECT n.a, x0, x1, x2, x3, x4 FROM {_TABLE} n, {_crossed(5)} WHERE n.a < 3"
    _run(dremio, sql)
    with (
        adbc.connect(
            engine_home.settings.flight_uri,
            db_kwargs={DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {dremio.token}"},
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
        reader = cursor.fetch_record_batch()
        reader.read_next_batch()
        dremio.query(f"INSERT INTO {_TABLE} VALUES (2)")
        rest = reader.read_all().num_rows
        assert rest < 200_000  # what it reads is the state before
    count = f"SELECT COUNT(*) FROM ({sql}) t"
    assert dremio.rows(count) == [(300_000,)]
    job = dremio.submit(sql)
    assert dremio.wait(job)["rowCount"] == 300_000


def test_jobs_tell_how_they_stand(dremio: Dremio) -> None:
    job = dremio.submit(_FOREVER)

    def running() -> bool:
        return bool(dremio.http.get(f"/api/v3/job/{job}").json()["jobState"] == "RUNNING")

    wait_until(running, seconds=30, what="the job")
    assert (job, "RUNNING") in dremio.rows("SELECT job_id, status FROM sys.jobs LIMIT 20")
    assert dremio.http.get(f"/api/v3/job/{job}/profile").status_code == 404
    dremio.http.post(f"/api/v3/job/{job}/cancel").raise_for_status()
    assert dremio.wait(job)["jobState"] == "CANCELED"
