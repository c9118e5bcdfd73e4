"""The dashboard's charts are answered by reflections, with what the tables themselves say."""

from __future__ import annotations

from typing import Any

from bootstrap.clients.dremio import Dremio as Client
from bootstrap.reflections import apply_reflections, read_reflections
from bootstrap.superset.client import Superset
from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from tests.support.dremio import Dremio
from tests.support.platform import Home

DASHBOARD = "customer-analytics"
SHOWN = ("fct_daily_revenue", "customer_metrics")


def test_every_chart_is_answered_by_a_reflection(gold: Home) -> None:
    settings = gold.settings
    superset = Superset(settings)
    charts = superset.charts_of(DASHBOARD)
    assert len(charts) == 9

    def shown() -> dict[str, Any]:
        # Rows that are equal in what a chart orders by come in any order.
        data = {c["slice_name"]: superset.chart_data(c["id"])[0]["data"] for c in charts}
        return {name: sorted(rows, key=repr) for name, rows in data.items()}

    without = shown()
    dremio = Dremio(
        settings.dremio_url, settings.admin_user, settings.admin_password.get_secret_value()
    )
    assert dremio.rows("SELECT * FROM sys.reflections") == []
    apply_reflections(Client(settings), read_reflections(CHECKOUT / "reflections"))

    def built() -> bool:
        states = [r[0] for r in dremio.rows("SELECT status FROM sys.reflections")]
        return len(states) >= 5 and set(states) == {"CAN_ACCELERATE"}

    wait_until(built, seconds=90, what="the reflections' first build")
    # Kept results are found by the state of everyone's rights: from now on none of before is.
    dremio.query("CREATE ROLE dashboards")
    known = {job[0] for job in dremio.rows("SELECT job_id FROM sys.jobs_recent")}
    assert shown() == without
    asked = [
        (job, text)
        for job, kind, text in dremio.rows("SELECT job_id, query_type, query FROM sys.jobs_recent")
        if job not in known and kind == "FLIGHT" and any(table in text for table in SHOWN)
    ]
    accelerated = set()
    for job, text in asked:
        used = dremio.wait(job).get("acceleration", {}).get("reflectionRelationships", [])
        if any(entry["relationship"] == "CHOSEN" for entry in used):
            accelerated.add(text)
            plain = text.replace("SELECT", "SELECT /*+ no_reflections */", 1)
            answers = [sorted(dremio.rows(sql), key=repr) for sql in (text, plain)]
            assert answers[0] == answers[1], text
    assert {text for _, text in asked} == accelerated
    # Charts of one figure over one table may share a query's text, never fewer than these.
    assert len(accelerated) >= 8, accelerated
    jobs = dict(dremio.rows("SELECT job_id, accelerated FROM sys.jobs_recent"))
    assert all(jobs[job] for job, _ in asked)
    told = dremio.rows(
        "SELECT reflection_name, accelerated_count, record_count FROM sys.reflections"
    )
    assert sum(count for _, count, _ in told) >= len(asked)
    assert all(records > 0 for _, _, records in told)
    done = dremio.rows("SELECT size_bytes, is_stale FROM sys.materializations WHERE state = 'DONE'")
    assert len(done) == len(told)
    assert not any(stale for _, stale in done)
