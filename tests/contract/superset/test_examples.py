"""The examples a user is pointed to, run as they stand."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from services.common.settings import CHECKOUT
from tests.support.platform import Home

EXAMPLES = CHECKOUT / "docs" / "examples"


def test_the_script_prints_the_best_customers(gold: Home) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "flight_query.py")],
        env=gold.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["customer_id", "segment", "orders", "lifetime_value"]
    assert lines[1].split()[0] == "3"
    assert lines[1].split()[-1] == "1999.99"


def test_the_notebook_runs(gold: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gold.environment.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(EXAMPLES / "customer_metrics.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells), "stored with outputs"
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    printed = "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    assert "Bearer" in printed
    assert "3 customers, 2,097.10 US dollars" in printed
