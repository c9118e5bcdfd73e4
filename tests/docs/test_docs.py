"""The documentation names only what there is: files, make targets, commands, settings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from bootstrap.cli import app
from bootstrap.dbt.results import DataTestError
from services.common import errors
from services.common.ports import PORTS
from services.common.settings import CHECKOUT, Settings

PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")])
_NOT_COMMANDS = {"yml"}


def page_id(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_make_targets_exist(page: Path) -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_lakelet_commands_exist(page: Path) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    named = set(re.findall(r"(?:^|`|/)lakelet ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    assert named <= commands


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_settings_exist(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields}
    known |= {port.setting for port in PORTS} | {"PORT_OFFSET", "LAKELET_HOME"}
    known |= {"SERVICE", "BENCH", "YES", "SQL", "PYTHON", "TO", "KEEP", "FROM", "REF"}  # of `make`
    example = (CHECKOUT / ".env.example").read_text()
    known |= set(re.findall(r"^# ([A-Z][A-Z_]+)=", example, re.MULTILINE))  # also Compose's own
    named = set(re.findall(r"\b([A-Z][A-Z_]+)=", page.read_text()))
    assert named <= known | {name for name in named if _in_tests(name)}


def test_what_contributors_are_told_exists() -> None:
    text = (CHECKOUT / "docs" / "contributing.md").read_text()
    named = re.findall(r"`([^`\s]+)`", text)
    paths = [name for name in named if "/" in name[1:] and not name.startswith("/")]
    variables = [name for name in named if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", name)]
    assert len(paths) > 15
    assert len(variables) > 6
    assert [name for name in paths if not (CHECKOUT / name).exists()] == []
    assert [name for name in variables if not _in_tests(name)] == []


def _in_tests(variable: str) -> bool:
    """Whether a test reads `variable` from the environment."""
    command = ["git", "grep", "-qF", f'"{variable}', "--", "tests", ":!tests/docs"]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 0


def test_the_exit_codes_are_those_of_the_errors() -> None:
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LakeletError)
    }
    assert documented == raised | {DataTestError.exit_code, 0, 1, 2}


def test_no_file_names_a_package_registrys_host() -> None:
    tracked = subprocess.run(
        ["git", "grep", "-lE", r"(pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian)"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert [name for name in tracked if not name.startswith("tests/docs/")] == []
