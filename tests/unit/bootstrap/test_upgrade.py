"""Changing the version by git: to a tag and back, never over somebody's changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bootstrap.upgrade import GitVersion
from services.common.errors import NotFoundError, RefusedError


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of two versions whose installer writes down which one was installed."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / ".gitignore").write_text("installed\n__pycache__\n")
    for version in ("one", "two"):
        package = tmp_path / "bootstrap"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "install.py").write_text(f"open('installed', 'a').write('{version} ')")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", version)
        git(tmp_path, "tag", version)
    git(tmp_path, "checkout", "--quiet", "-B", "mine", "one")
    return tmp_path


def test_there_and_back(checkout: Path) -> None:
    version = GitVersion("two", checkout)
    version.check()
    version.change()
    assert git(checkout, "rev-parse", "HEAD") == git(checkout, "rev-parse", "two")
    version.change_back()
    assert git(checkout, "rev-parse", "--abbrev-ref", "HEAD") == "mine"
    assert (checkout / "installed").read_text() == "two one "


def test_local_changes_are_kept(checkout: Path) -> None:
    (checkout / "bootstrap" / "__init__.py").write_text("mine = 1\n")
    with pytest.raises(RefusedError, match="local changes"):
        GitVersion("two", checkout).check()


def test_an_unknown_version_is_named(checkout: Path) -> None:
    with pytest.raises(NotFoundError, match="'three'"):
        GitVersion("three", checkout).check()
