"""Dremio's own examples of its functions, over Flight: all but those no server can give."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.common.settings import CHECKOUT
from tests.support.platform import Home

_RUNNER = Path("shared/conformance/dremio_functions.py")


def _runner() -> Path:
    for folder in CHECKOUT.parents:
        if (folder / _RUNNER).exists():
            return folder / _RUNNER
    pytest.skip(f"no conformance suite: looked for {_RUNNER} beside the checkout and above it")


def test_every_example_that_can_be_right_is(engine_home: Home, tmp_path: Path) -> None:
    runner = _runner()
    listed = json.loads((CHECKOUT / "docs/reference/sql-function-examples.json").read_text())
    excused = {int(number) for entry in listed for number in entry["examples"]}
    cases = [json.loads(line) for line in runner.with_suffix(".jsonl").read_text().splitlines()]
    suite = tmp_path / "suite.jsonl"
    suite.write_text("\n".join(json.dumps(c) for c in cases if c["id"] not in excused))
    password = tmp_path / "password"
    password.write_text(engine_home.settings.admin_password.get_secret_value())
    done = subprocess.run(
        [
            sys.executable, str(runner), "--uri", engine_home.settings.flight_uri,
            "--user", engine_home.settings.admin_user, "--password-file", str(password),
            "--suite", str(suite), "--verbose",
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"{len(cases) - len(excused)} passed, 0 failed" in done.stdout
