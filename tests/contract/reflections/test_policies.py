"""When reflections are refreshed, expire, fail and come back; every statement about them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

import pytest

from services.common.waiting import wait_until
from services.dremio.state.errors import DremioError
from services.dremio.state.reflections import refresher as refresher_module
from services.dremio.state.session import Session
from services.exporter.collect.dremio import Dremio
from services.exporter.database import Database
from tests.contract.reflections.conftest import Bench
from tests.support.platform import Home

SUMS = "SELECT k, SUM(v) AS v, COUNT(*) AS n FROM gold.ticks GROUP BY k ORDER BY k"


@pytest.fixture
def ticks(bench: Bench) -> Iterator[Bench]:
    bench.clear()
    bench.table("DROP TABLE IF EXISTS gold.ticks")
    bench.table("CREATE TABLE gold.ticks AS SELECT * FROM (VALUES (1, 10), (2, 20)) t(k, v)")
    bench.table(
        "CREATE REFLECTION by_k ON gold.ticks USING DIMENSIONS (k) "
        "MEASURES (SUM(v), COUNT(*), AVG(v), NDV(v))"
    )
    bench.settle()
    yield bench
    bench.clear()


def until(ready: Callable[[], bool], what: str) -> None:
    wait_until(ready, seconds=60, what=what)


def chosen(bench: Bench, sql: str = SUMS) -> bool:
    return bench.plan(sql).get("by_k", ("",))[0] == "CHOSEN"


def row(bench: Bench) -> dict[str, object]:
    (found,) = bench.rows("SELECT * FROM sys.reflections WHERE reflection_name = 'by_k'")
    return dict(found)


def is_stale(bench: Bench) -> bool:
    (found,) = bench.rows("SELECT is_stale FROM sys.materializations WHERE state = 'DONE'")
    return bool(found["is_stale"])


def test_never_waits_until_it_is_asked(ticks: Bench) -> None:
    assert not is_stale(ticks)
    ticks.table("ALTER REFLECTION by_k SET REFRESH NEVER")
    ticks.table("UPDATE gold.ticks SET v = 30 WHERE k = 2")
    ticks.settle()
    assert is_stale(ticks)
    assert not chosen(ticks)
    assert ticks.rows(SUMS)[1]["v"] == 30
    ticks.table("ALTER TABLE gold.ticks REFRESH REFLECTIONS")
    until(lambda: chosen(ticks), "the refresh that was asked for")
    assert ticks.rows(SUMS)[1]["v"] == 30
    assert not is_stale(ticks)
    ticks.table("UPDATE gold.ticks SET v = 40 WHERE k = 2")
    ticks.table("ALTER REFLECTION by_k REFRESH")
    until(lambda: chosen(ticks), "the refresh of one reflection")


@pytest.mark.parametrize("when", ["EVERY 1 SECOND", "CRON '* * * * *'", "ON CHANGE"])
def test_the_clock_or_a_change_refreshes(
    ticks: Bench, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "CRON" in when:  # a minute is long: every second instead
        monkeypatch.setattr(refresher_module, "CronTrigger", _EverySecond)
    ticks.table(f"ALTER REFLECTION by_k SET REFRESH {when}")
    ticks.table("UPDATE gold.ticks SET v = 50 WHERE k = 1")
    until(lambda: chosen(ticks), f"a refresh {when}")
    assert ticks.rows(SUMS)[0]["v"] == 50


class _EverySecond:
    @staticmethod
    def from_crontab(line: str, timezone: str) -> _EverySecond:
        assert (line, timezone) == ("* * * * *", "UTC")
        return _EverySecond()

    @staticmethod
    def get_next_fire_time(former: None, since: datetime.datetime) -> datetime.datetime:
        return since + datetime.timedelta(seconds=1)


def test_what_expired_is_not_used(ticks: Bench) -> None:
    ticks.table("ALTER REFLECTION by_k SET REFRESH NEVER")
    ticks.table("ALTER REFLECTION by_k SET EXPIRE AFTER 1 HOUR")
    assert chosen(ticks)
    assert chosen(ticks)
    until_when = row(ticks)["available_until"]
    assert isinstance(until_when, datetime.datetime)
    left = until_when - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert datetime.timedelta(minutes=50) < left <= datetime.timedelta(hours=1)
    ticks.table("ALTER REFLECTION by_k SET EXPIRE AFTER 1 SECOND")
    until(lambda: row(ticks)["status"] == "EXPIRED", "the end of an hour that is a second")
    assert ticks.plan(SUMS)["by_k"] == ("MATCHED", "it has expired")
    assert ticks.rows(SUMS) == ticks.rows(SUMS, on=False)
    ticks.table("ALTER REFLECTION by_k SET EXPIRE NEVER")
    assert chosen(ticks)


def test_staleness_lags_by_what_was_allowed(ticks: Bench) -> None:
    ticks.table("ALTER REFLECTION by_k SET REFRESH NEVER")
    ticks.table("ALTER REFLECTION by_k SET STALENESS 10 MINUTES")
    ticks.table("UPDATE gold.ticks SET v = 60 WHERE k = 1")
    assert ticks.rows(SUMS)[0]["v"] == 10
    assert "stale by at most" in ticks.plan(SUMS)["by_k"][1]
    ticks.table("ALTER REFLECTION by_k SET STALENESS 0 SECONDS")
    assert ticks.rows(SUMS)[0]["v"] == 60


def test_failures_are_told_and_tried_again(ticks: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresher_module, "_FIRST_RETRY", 0.05)

    def fail(*arguments: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(refresher_module, "build", fail)
        ticks.table("UPDATE gold.ticks SET v = 70 WHERE k = 1")
        until(lambda: int(str(row(ticks)["num_failures"])) >= 2, "a second try")
        told = row(ticks)
        assert told["last_failure_message"] == "the disk is full"
        assert told["status"] == "CAN_ACCELERATE_WITH_FAILURES"
        assert ticks.rows(SUMS)[0]["v"] == 70
        failed = ticks.rows("SELECT failure_msg FROM sys.materializations WHERE state = 'FAILED'")
        assert {"failure_msg": "the disk is full"} in failed
        refresher = ticks.reflections.refresher
        assert refresher is not None
        state = refresher.state(ticks.reflections.named("by_k").id)
        pauses = [0.05 * 2 ** (state.failures - 1)]
        assert state.retry_at > 0
        assert pauses[-1] <= 600
    until(lambda: chosen(ticks), "a try that works")
    assert row(ticks)["status"] == "CAN_ACCELERATE"


def test_acceleration_is_switched_by_kind_session_and_query(ticks: Bench) -> None:
    ticks.table("ALTER TABLE gold.ticks CREATE RAW REFLECTION rows_of USING DISPLAY (k, v)")
    ticks.settle()
    rows = "SELECT k, v FROM gold.ticks ORDER BY k"
    assert ticks.plan(rows)["rows_of"][0] == "CHOSEN"
    ticks.table("ALTER DATASET gold.ticks DISABLE RAW ACCELERATION")
    assert ticks.plan(rows).get("rows_of", ("",))[0] != "CHOSEN"
    assert chosen(ticks)
    ticks.table("ALTER DATASET gold.ticks DISABLE ACCELERATION")
    assert ticks.plan(SUMS) == {}
    ticks.table("ALTER DATASET gold.ticks ENABLE AGGREGATE ACCELERATION")
    ticks.settle()
    assert chosen(ticks)
    ticks.table("ALTER REFLECTION by_k ON gold.ticks SET ENABLED = FALSE")
    assert not chosen(ticks)
    assert row(ticks)["status"] == "DISABLED"
    ticks.table("ALTER REFLECTION by_k SET ENABLED = TRUE")
    ticks.settle()
    session = Session(ticks.user)
    for statement, expected in (
        ("SET reflections = off", False),
        ("SET reflections = on", True),
        ("ALTER SESSION SET reflections = 'off'", False),
        ("ALTER SESSION RESET reflections", True),
    ):
        ticks.engine.execute(session, statement).table()
        execution = ticks.engine.execute(session, SUMS)
        assert len(execution.table()) == 2
        used = ticks.reflections.of_job(execution.job_id)
        assert any(u["relationship"] == "CHOSEN" for u in used) is expected, statement


def test_dropping_and_mistakes(ticks: Bench) -> None:
    ticks.table("CREATE REFLECTION IF NOT EXISTS by_k ON gold.ticks USING DIMENSIONS (k)")
    for wrong, words in (
        ("CREATE REFLECTION by_k ON gold.ticks USING DIMENSIONS (k)", "exists already"),
        ("CREATE REFLECTION x ON gold.nothing USING DIMENSIONS (k)", "not found"),
        ("CREATE REFLECTION x ON gold.ticks USING DIMENSIONS (z)", "Unable to find field"),
        ("CREATE REFLECTION x ON gold.ticks USING DISPLAY (k) LOCALSORT BY (z)", "Unable to find"),
        ("ALTER REFLECTION by_k SET REFRESH EVERY 0 SECONDS", "every second at most"),
        ("ALTER REFLECTION by_k SET REFRESH CRON 'soon'", "cron"),
        ("ALTER REFLECTION nobody SET ENABLED = TRUE", "Unable to find reflection"),
        ("ALTER TABLE gold.ticks CREATE EXTERNAL REFLECTION e USING gold.ticks", "External"),
    ):
        with pytest.raises(DremioError, match=words):
            ticks.table(wrong)
    ticks.table("DROP REFLECTION by_k ON gold.ticks")
    ticks.table("DROP REFLECTION IF EXISTS by_k")
    assert ticks.rows("SELECT * FROM sys.reflections") == []
    assert ticks.rows("SELECT * FROM sys.reflection_dependencies") == []
    assert ticks.plan(SUMS) == {}


def test_a_view_with_limit_is_never_answered_from_a_copy(ticks: Bench) -> None:
    ticks.table("CREATE OR REPLACE VIEW sp.some_ticks AS SELECT k, v FROM gold.ticks LIMIT 1")
    ticks.table("ALTER VIEW sp.some_ticks CREATE RAW REFLECTION some USING DISPLAY (k, v)")
    refresher = ticks.reflections.refresher
    assert refresher is not None
    state = refresher.state(ticks.reflections.named("some").id)
    until(lambda: "LIMIT without ORDER BY" in state.error, "why it cannot be built")
    assert len(ticks.rows("SELECT * FROM sp.some_ticks")) == 1
    assert ticks.plan("SELECT * FROM sp.some_ticks").get("some", ("",))[0] != "CHOSEN"
    ticks.table("DROP REFLECTION some")
    ticks.table("DROP VIEW sp.some_ticks")


def test_dependencies_name_the_tables_under_views(ticks: Bench) -> None:
    ticks.table("CREATE OR REPLACE VIEW sp.low AS SELECT k, v FROM gold.ticks WHERE k < 5")
    ticks.table("CREATE OR REPLACE VIEW sp.high AS SELECT k, SUM(v) AS v FROM sp.low GROUP BY k")
    ticks.table("ALTER VIEW sp.high CREATE RAW REFLECTION top USING DISPLAY (k, v)")
    ticks.settle()
    found = ticks.rows(
        "SELECT r.reflection_name AS name, d.dependency_path AS path "
        "FROM sys.reflection_dependencies d JOIN sys.reflections r "
        "ON d.reflection_id = r.reflection_id ORDER BY 1, 2"
    )
    assert {(each["name"], each["path"]) for each in found} == {
        ("by_k", "gold.ticks"),
        ("top", "gold.ticks"),
    }
    ticks.table("DROP REFLECTION top")
    ticks.table("DROP VIEW sp.high")
    ticks.table("DROP VIEW sp.low")


def test_metrics_count_hits_misses_and_seconds(ticks: Bench, home: Home) -> None:
    assert chosen(ticks)
    assert chosen(ticks)
    assert not chosen(ticks, "SELECT k, MAX(v) AS v FROM gold.ticks GROUP BY k")
    assert ticks.reflections.refresher is not None
    ticks.reflections.refresher.write_jobs()
    database = Database(home.settings.postgres_dsn("dremio"))
    try:
        found = {m.name: m.samples for m in Dremio(database, 30.0)()}
    finally:
        database.close()
    labels = {"dataset": "gold.ticks", "reflection": "by_k"}
    hits = {s.labels["reflection"]: s.value for s in found["dremio_reflection_hits"]}
    misses = {s.labels["reflection"]: s.value for s in found["dremio_reflection_misses"]}
    assert labels in [s.labels for s in found["dremio_reflection_hits"]]
    assert (hits["by_k"], misses["by_k"]) == (2, 1)
    counts = {
        s.labels["result"]: s.value
        for s in found["dremio_reflection_refresh_seconds"]
        if s.name.endswith("_count")
    }
    assert counts["done"] >= 1
