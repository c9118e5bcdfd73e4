"""A plan that was kept is used again only while everything that decided it is the same."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog

from services.dremio.state import engine as engine_module
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.jobs.history import History, Job
from services.dremio.state.session import Session
from tests.contract.reflections.conftest import Bench
from tests.support.platform import Home

SUMS = "SELECT side, SUM(fare) AS v, COUNT(*) AS n FROM gold.rides GROUP BY side ORDER BY side"
NAME = "eve who asks"


@pytest.fixture
def rides(bench: Bench) -> Iterator[Bench]:
    bench.clear()
    bench.table("DROP VIEW IF EXISTS sp.rides")
    bench.table("DROP TABLE IF EXISTS gold.rides")
    bench.table(
        "CREATE TABLE gold.rides AS SELECT * FROM (VALUES ('n', CAST(1.5 AS DECIMAL(10,2))), "
        "('s', CAST(2.0 AS DECIMAL(10,2))), ('n', CAST(4.0 AS DECIMAL(10,2)))) v(side, fare)"
    )
    bench.table("CREATE VIEW sp.rides AS SELECT side, fare FROM gold.rides")
    bench.table(
        "ALTER TABLE gold.rides CREATE AGGREGATE REFLECTION by_side "
        "USING DIMENSIONS (side) MEASURES (fare (SUM, COUNT))"
    )
    bench.settle()
    yield bench
    bench.clear()


def answer(bench: Bench, sql: str = SUMS, user: Any = None) -> list[tuple[Any, ...]]:
    table = bench.engine.execute(Session(user or bench.user), sql).table()
    return [tuple(row.values()) for row in table.to_pylist()]


def is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch, sql: str = SUMS) -> bool:
    """Whether a query runs without being parsed."""

    def refuse(text: str) -> None:
        raise DremioError(ErrorKind.PARSE, "parsed again")

    with monkeypatch.context() as patched:
        patched.setattr(engine_module, "parse", refuse)
        try:
            answer(bench, sql)
        except DremioError as error:
            if str(error) != "parsed again":
                raise
            return False
    return True


def test_the_second_time_is_not_planned(rides: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_kept(rides, monkeypatch)
    first = answer(rides)
    assert is_kept(rides, monkeypatch)
    assert answer(rides) == first == [("n", Decimal("5.50"), 2), ("s", Decimal("2.00"), 1)]
    assert rides.plan(SUMS)["by_side"] == ("CHOSEN", "it is current")
    # Another program's commit, then statements here: each makes the plan anew.
    for change, expected in (
        ("INSERT INTO gold.rides VALUES ('s', 1.00)", ("s", Decimal("3.00"), 2)),
        ("UPDATE gold.rides SET fare = 7 WHERE side = 's'", ("s", Decimal("14.00"), 2)),
        ("DROP TABLE gold.rides", None),
    ):
        answer(rides)
        rides.table(change)
        if expected is None:
            with pytest.raises(DremioError, match="not found"):
                answer(rides)
        else:
            assert answer(rides)[1] == expected


def test_other_programs_commits_are_seen(
    rides: Bench, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(rides)
    assert is_kept(rides, monkeypatch)
    settings = home.settings
    secret = settings.dremio_s3_secret_key.get_secret_value()
    catalog = load_catalog(
        "gold",
        **{
            "type": "rest",
            "uri": settings.iceberg_uri,
            "oauth2-server-uri": f"{settings.iceberg_uri}/v1/oauth/tokens",
            "warehouse": "gold",
            "credential": f"dremio:{secret}",
            "s3.endpoint": f"http://{settings.s3_endpoint.removeprefix('http://')}",
            "s3.access-key-id": "dremio",
            "s3.secret-access-key": secret,
            "s3.region": "us-east-1",
        },
    )
    table = catalog.load_table("lake.rides")
    table.append(
        pa.table(
            {
                "side": pa.array(["w"], pa.string()),
                "fare": pa.array([Decimal("9.00")], pa.decimal128(10, 2)),
            }
        )
    )
    assert answer(rides)[-1] == ("w", Decimal("9.00"), 1)


def test_views_may_change_their_meaning(rides: Bench) -> None:
    over = SUMS.replace("gold.rides", "sp.rides")
    before = answer(rides, over)
    assert answer(rides, over) == before
    assert rides.plan(over)["by_side"][0] == "CHOSEN"
    rides.table("CREATE OR REPLACE VIEW sp.rides AS SELECT 'x' AS side, fare FROM gold.rides")
    assert answer(rides, over) == [("x", Decimal("7.50"), 3)]


def test_a_reflection_answers_nobody_without_the_grant(rides: Bench) -> None:
    users = rides.engine.core.users
    eve = users.find(NAME) or users.create(NAME, None)
    over = SUMS.replace("gold.rides", "sp.rides")
    answer(rides)
    for sql in (SUMS, over, "EXPLAIN PLAN FOR " + SUMS):
        with pytest.raises(DremioError, match="Access denied") as refused:
            answer(rides, sql, eve)
        assert refused.value.kind is ErrorKind.PERMISSION
    rides.table(f'GRANT SELECT ON TABLE gold.rides TO USER "{NAME}"')
    assert answer(rides, SUMS, eve) == answer(rides, SUMS, eve) == answer(rides)
    rides.table(f'REVOKE SELECT ON TABLE gold.rides FROM USER "{NAME}"')
    with pytest.raises(DremioError, match="Access denied"):
        answer(rides, SUMS, eve)
    with pytest.raises(DremioError, match="Access denied"):
        rides.engine.describe(Session(eve), SUMS)


def test_a_mask_ends_what_was_kept(rides: Bench) -> None:
    hidden = "SELECT side, COUNT(*) AS n FROM gold.rides GROUP BY side"
    assert sorted(answer(rides, hidden)) == [("n", 2), ("s", 1)]
    rides.table("CREATE FUNCTION sp.hide(s VARCHAR) RETURNS VARCHAR RETURN SELECT 'hidden'")
    rides.table("ALTER TABLE gold.rides MODIFY COLUMN side SET MASKING POLICY sp.hide(side)")
    assert answer(rides, hidden) == [("hidden", 3)]
    rides.table("DROP TABLE gold.rides")
    rides.table("DROP FUNCTION sp.hide")


def test_a_job_that_is_over_has_left_all_that_is_told_of_it(
    rides: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients look at the job's state, and then at once at the audit log."""
    told: list[str | None] = []
    over: list[bool] = []
    session = Session(rides.user)
    monkeypatch.setattr(rides.engine.core.audit, "record", lambda event: told.append(event.job_id))
    finish = History.finish

    def finished(self: History, job: Job, *how: Any) -> None:
        over.append(job.id in told and session.last_query_id == job.id)
        finish(self, job, *how)

    monkeypatch.setattr(History, "finish", finished)
    rides.engine.execute(session, SUMS).table()
    with pytest.raises(DremioError, match="not found"):
        rides.engine.execute(session, "SELECT nothing FROM gold.rides")
    assert over == [True, True]


def test_jobs_are_on_record_behind_their_statements(rides: Bench) -> None:
    engine = rides.engine
    history = engine.core.history
    execution = engine.execute(Session(rides.user), "SELECT side FROM gold.rides")
    by_id = {job.id: job for job in history.newest()}
    assert by_id[execution.job_id].state == "RUNNING"
    execution.table()
    done = {job.id: job for job in history.newest()}[execution.job_id]
    assert (done.state, done.rows, done.statement) == ("COMPLETED", 3, "Query")

    answer(rides)
    asked = engine.execute(Session(rides.user), SUMS)
    asked.table()
    history.flush()
    assert rides.reflections.refresher is not None
    rides.reflections.refresher.write_jobs()
    pool = engine.core.pool
    with pool.connection() as connection:
        old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=31)
        connection.execute("UPDATE job SET finished_at = %s WHERE id = %s", (old, asked.job_id))
        connection.execute(
            "UPDATE job_reflection SET at = %s WHERE job_id = %s", (old, asked.job_id)
        )
        assert History.swept(pool, 30) == 1
        left = connection.execute(
            "SELECT count(*) FROM job_reflection WHERE job_id = %s", (asked.job_id,)
        ).fetchone()
    assert left == (0,)
