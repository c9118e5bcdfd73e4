"""What changes in the source arrives in gold and on the dashboard: exactly that, and once."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import psycopg

from tests.e2e.test_1_main_job import lake_orders, source_orders
from tests.e2e.test_2_dashboard import dashboard_text
from tests.support.platform import Home

NEW_ORDER = 900_001


def sync_by_rest(platform: Home, connection: str) -> dict[str, object]:
    """Trigger a sync the way a script would, and follow its job to the end."""
    settings = platform.settings
    auth = (settings.admin_user, settings.admin_password.get_secret_value())
    with httpx.Client(base_url=f"{settings.airbyte_url}/api/v1", auth=auth, timeout=60) as client:

        def post(path: str, body: dict[str, object]) -> dict:  # type: ignore[type-arg]
            return client.post(path, json=body).raise_for_status().json()

        workspace = post("/workspaces/list", {})["workspaces"][0]["workspaceId"]
        found = post("/connections/list", {"workspaceId": workspace})["connections"]
        (chosen,) = (c["connectionId"] for c in found if c["name"] == connection)
        job = post("/connections/sync", {"connectionId": chosen})["job"]
        while job["status"] in ("pending", "running", "incomplete"):
            time.sleep(0.1)
            job = post("/jobs/get", {"id": job["id"]})["job"]
        return job


def test_an_update_and_an_insert_arrive_and_nothing_else(platform: Home, tmp_path: Path) -> None:
    before = lake_orders(platform, "gold.fct_orders")
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        connection.execute(
            "UPDATE orders SET amount = amount + 1000.01, updated_at = now() WHERE order_id = 7"
        )
        connection.execute(
            "INSERT INTO orders VALUES (%s, 1, '1998-06-30', 2, 123.45, 'completed', now())",
            [NEW_ORDER],
        )
    job = sync_by_rest(platform, "shop")
    assert job["status"] == "succeeded"
    result = platform.lakelet("run", "--no-sync")
    assert result.returncode == 0, result.stderr

    after = lake_orders(platform, "gold.fct_orders")
    assert after == source_orders(platform)
    changed = {row[0] for row in set(after) ^ set(before)}
    assert changed == {7, NEW_ORDER}
    assert len(after) == len(before) + 1
    assert all(flow["agrees"] for flow in platform.lakelet_json("verify"))

    text = dashboard_text(platform, "customer-analytics", tmp_path / "changed.png")
    assert f"{len(after):,}" in text
    total = sum(row[4] for row in after)  # type: ignore[misc]
    assert f"{total:,.2f}" in text
