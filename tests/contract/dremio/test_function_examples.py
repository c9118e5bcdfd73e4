"""Dremio's own examples of its functions, over Flight: all but those no server can give."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.common.settings import CHECKOUT
from services.dremio.sql.functions.page import EXAMPLES, SUITE
from tests.support.dremio import Dremio
from tests.support.platform import Home

_RUNNER = Path("shared/conformance/dremio_functions.py")


def _runner() -> Path:
    for folder in CHECKOUT.parents:
        if (folder / _RUNNER).exists():
            return folder / _RUNNER
    pytest.skip(f"no conformance suite: looked for {_RUNNER} beside the checkout and above it")


def test_every_example_that_can_be_right_is(engine_home: Home, tmp_path: Path) -> None:
    runner = _runner()
    listed = json.loads(EXAMPLES.read_text())
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
    assert len(cases) == SUITE
    assert f"{len(cases) - len(excused)} passed, 0 failed" in done.stdout


def _given(values: list[Any], expected: str, how: str) -> bool:
    """Whether REST, in whose form the reference prints, gives what it prints."""
    if how == "any order":
        return [sorted(value) for value in values] == [sorted(ast.literal_eval(expected))]
    if len(values) == 1 and isinstance(values[0], str):
        return bool(values == [expected])
    if expected.startswith("{"):
        return bool(values == [ast.literal_eval(expected)])
    words = expected.split(", ")
    return values == [None if w == "null" else pytest.approx(ast.literal_eval(w)) for w in words]


def test_what_the_suite_cannot_compare_as_text_is_the_value_printed(dremio: Dremio) -> None:
    entries = [entry for entry in json.loads(EXAMPLES.read_text()) if "compare" in entry]
    how = {number: entry["compare"] for entry in entries for number in entry["examples"]}
    lines = _runner().with_suffix(".jsonl").read_text().splitlines()
    cases = [case for case in map(json.loads, lines) if case["id"] in how]
    assert len(cases) == len(how) > 10
    for case in cases:
        values = list(dremio.rows(case["sql"])[0])
        assert _given(values, case["expected"], how[case["id"]]), (case, values)
