"""The dashboard, opened in a browser as a person would."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import httpx
import psycopg
import pytest

from bootstrap.superset import import_assets
from bootstrap.superset.client import Superset
from tests.support.browser import chromium, superset_page
from tests.support.platform import Home

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here; on Debian: apt-get install chromium"
)


def dashboard_text(platform: Home, slug: str, screenshot: Path) -> str:
    """Open a dashboard, wait until its charts stand, keep a screenshot, return its text."""
    with superset_page(platform.settings) as page:
        page.goto(f"{platform.settings.superset_url}/superset/dashboard/{slug}/")
        page.wait_for_selector("[data-test=dashboard-content-wrapper]", timeout=60_000)
        page.wait_for_function(
            "() => document.querySelectorAll('.slice_container').length >= 9"
            " && document.querySelectorAll('.loading, [data-test=loading-indicator]').length == 0",
            timeout=90_000,
        )
        page.wait_for_timeout(1_000)  # charts fade in
        page.screenshot(path=screenshot, full_page=True)
        return page.inner_text("body")


def screenshots(tmp_path: Path) -> Path:
    return Path(os.environ.get("LAKELET_SCREENSHOTS") or tmp_path)


def test_the_dashboard_shows_the_numbers_of_the_source(platform: Home, tmp_path: Path) -> None:
    picture = screenshots(tmp_path) / "customer-analytics.png"
    text = dashboard_text(platform, "customer-analytics", picture)
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        row = connection.execute("SELECT count(*), sum(amount) FROM orders").fetchone()
        people = connection.execute("SELECT count(*) FROM customers").fetchone()
    assert row
    assert people
    assert "Customer analytics" in text
    for number in (f"{row[0]:,}", f"{people[0]:,}", f"{row[1]:,.2f}"):
        assert number in text, f"{number} is not on the dashboard"
    for complaint in ("Unexpected error", "No data", "No results", "An error occurred"):
        assert complaint not in text


def test_pipeline_health_shows_the_syncs_and_the_logs(platform: Home, tmp_path: Path) -> None:
    settings = platform.settings
    with psycopg.connect(settings.postgres_dsn("airbyte")) as connection:
        facts = connection.execute(
            "SELECT count(*) FILTER (WHERE status = 'succeeded'), "
            "count(*) FILTER (WHERE status = 'failed'), (SELECT "
            "sum((s.value->>'recordsCommitted')::bigint) FROM attempts, jsonb_each(stream_stats) s)"
            " FROM jobs WHERE config_type = 'sync'"
        ).fetchone()
    assert facts
    succeeded, failed, records = facts
    password = settings.elasticsearch_password.get_secret_value()
    now = datetime.datetime.now(datetime.UTC)
    index = f"probe-logs-{now:%Y.%m.%d}"
    with httpx.Client(base_url=settings.elasticsearch_url, auth=("elastic", password)) as store:
        for number in range(7):
            level = "INFO" if number < 2 else "ERROR"
            line = {"timestamp": now.isoformat(), "level": level, "service": "probe"}
            store.post(f"/{index}/_doc", json=line).raise_for_status()
        superset = Superset(settings)
        charts = {c["slice_name"]: c["id"] for c in superset.charts_of("pipeline-health")}
        shown = {name: superset.chart_data(chart)[0]["data"] for name, chart in charts.items()}
        picture = screenshots(tmp_path) / "pipeline-health.png"
        store.delete(f"/{index}").raise_for_status()
    assert shown["Successful syncs"] == [{"succeeded": succeeded}]
    assert shown["Failed syncs"] == [{"failed": failed}]
    assert shown["Records synced"] == [{"records_synced": records}]
    assert {"service": "probe", "lines": 7, "errors": 5} in shown["Log lines by service"]
    assert sum(row["records_synced"] for row in shown["Syncs by connection"]) == records
    text = dashboard_text(platform, "pipeline-health", picture)
    for word in ("Pipeline health", f"{records:,}", "shop", "nycflights", "airbyte"):
        assert word in text, f"{word} is not on the dashboard"
    for complaint in ("Unexpected error", "An error occurred"):
        assert complaint not in text


def test_a_second_import_changes_nothing(platform: Home) -> None:
    def everything() -> dict[str, list[str]]:
        settings = platform.settings
        with httpx.Client(base_url=settings.superset_url, timeout=60) as client:
            login = {
                "username": settings.admin_user,
                "password": settings.admin_password.get_secret_value(),
                "provider": "db",
            }
            token = client.post("/api/v1/security/login", json=login).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            return {
                kind: sorted(
                    str(row["id"]) + str(row.get("uuid", ""))
                    for row in client.get(f"/api/v1/{kind}/?q=(page_size:100)").json()["result"]
                )
                for kind in ("dashboard", "chart", "dataset", "database")
            }

    before = everything()
    assert all(before.values())
    import_assets(platform.settings)
    assert everything() == before
