"""The snippets that the documentation gives, run as printed."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import psycopg
import pytest
from nbclient import NotebookClient

from services.common.settings import CHECKOUT
from tests.support.platform import Home

EXAMPLES = CHECKOUT / "docs" / "examples"


def best_customer(platform: Home) -> str:
    """Return, from the source, what the customer who paid most has paid."""
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        row = connection.execute(
            "SELECT max(paid) FROM (SELECT sum(amount) AS paid FROM orders GROUP BY customer_id) p"
        ).fetchone()
    assert row
    return str(row[0])


def test_the_flight_example_prints_the_metrics(platform: Home) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "flight_query.py")],
        env=platform.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert best_customer(platform) in result.stdout


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("**/*.ipynb")), ids=lambda p: p.name)
def test_the_notebook_runs(platform: Home, path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in platform.environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(str(path), as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = "".join(
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        row = connection.execute(
            "SELECT count(DISTINCT customer_id), sum(amount) FROM orders"
        ).fetchone()
    assert row
    assert f"{row[0]:,} customers, {row[1]:,} US dollars" in printed
