"""The dashboard, opened in a browser as a person would."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import psycopg
import pytest

from bootstrap.superset import import_assets
from tests.support.browser import chromium, superset_page
from tests.support.platform import Home

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no Chromium here; on Debian: apt-get install chromium"
)


def dashboard_text(platform: Home, screenshot: Path) -> str:
    """Open the dashboard, wait until its charts stand, keep a screenshot, return its text."""
    with superset_page(platform.settings) as page:
        page.goto(f"{platform.settings.superset_url}/superset/dashboard/customer-analytics/")
        page.wait_for_selector("[data-test=dashboard-content-wrapper]", timeout=60_000)
        page.wait_for_function(
            "() => document.querySelectorAll('.slice_container').length >= 9"
            " && document.querySelectorAll('.loading, [data-test=loading-indicator]').length == 0",
            timeout=90_000,
        )
        page.wait_for_timeout(1_000)  # charts fade in
        page.screenshot(path=screenshot, full_page=True)
        return page.inner_text("body")


def test_the_dashboard_shows_the_numbers_of_the_source(platform: Home, tmp_path: Path) -> None:
    folder = Path(os.environ.get("LAKELET_SCREENSHOTS") or tmp_path)
    text = dashboard_text(platform, folder / "customer-analytics.png")
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
