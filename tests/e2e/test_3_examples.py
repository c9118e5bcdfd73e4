"""The snippets that the documentation gives, run as printed."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from services.common.settings import CHECKOUT
from tests.support.platform import Home

EXAMPLES = CHECKOUT / "docs" / "examples"


def test_the_flight_example_prints_the_metrics(platform: Home) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "flight_query.py")],
        env=platform.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "23570" in result.stdout.replace(",", "")


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
    assert "23570" in printed.replace(",", "")
