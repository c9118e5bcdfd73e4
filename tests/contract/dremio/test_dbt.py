"""dbt-dremio, unchanged, builds, tests and documents a small project on the engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.common.settings import Settings
from tests.support.dremio import Dremio
from tests.support.platform import Home

PROJECT = Path(__file__).with_name("dbt_project")


@pytest.fixture
def project(engine_home: Home, dremio: Dremio, tmp_path: Path) -> Path:
    """A copy of the project with a profile for the engine under test."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT, folder)
    profile = {"contract": {"target": "dev", "outputs": {"dev": target(engine_home.settings)}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return folder


def target(settings: Settings) -> dict[str, Any]:
    """Return dbt's output for an engine."""
    return {
        "type": "dremio",
        "threads": 2,
        "software_host": settings.dremio_host,
        "port": settings.dremio_port,
        "use_ssl": False,
        "user": settings.admin_user,
        "password": settings.admin_password.get_secret_value(),
        "object_storage_source": "gold",
        "object_storage_path": "no_schema",
        "dremio_space": "dbt_space",
        "dremio_space_folder": "views",
    }


def dbt(project: Path, *arguments: str) -> None:
    """Run dbt; fail with its words when it fails."""
    result = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", "."],
        cwd=project,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_dbt_builds_changes_and_documents(project: Path, dremio: Dremio) -> None:
    dbt(project, "build")
    assert dremio.rows("SELECT order_id, amount FROM gold.orders ORDER BY 1") == [
        (1, 5.5),
        (2, 7.25),
        (3, 1.0),
    ]
    assert dremio.rows("SELECT * FROM gold.customers ORDER BY 1") == [
        (10, 2, 12.75, "2024-01-02"),
        (11, 1, 1.0, "2024-01-02"),
    ]
    before = dremio.rows("SELECT count(*) FROM TABLE(table_snapshot('gold.orders'))")[0][0]

    dbt(project, "build", "--vars", "{later: true}")
    assert dremio.rows("SELECT order_id, amount, twice FROM gold.orders ORDER BY 1") == [
        (1, 5.5, None),
        (2, 7.25, None),
        (3, 2.0, 4.0),
        (4, 9.99, 19.98),
    ]
    after = dremio.rows("SELECT count(*) FROM TABLE(table_snapshot('gold.orders'))")[0][0]
    assert after > before  # merged into, not built anew

    dbt(project, "docs", "generate", "--vars", "{later: true}")
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    columns = catalog["nodes"]["model.contract.orders"]["columns"]
    assert list(columns) == ["order_id", "customer_id", "ordered_on", "amount", "twice"]
    assert columns["ordered_on"]["type"] == "date"
    assert catalog["nodes"]["model.contract.shop_orders"]["metadata"]["type"] == "view"
    wiki_of = dremio.http.get("/api/v3/catalog/by-path/gold/orders").json()["id"]
    wiki = dremio.http.get(f"/api/v3/catalog/{wiki_of}/collaboration/wiki").json()
    assert "One row per order." in wiki["text"]
