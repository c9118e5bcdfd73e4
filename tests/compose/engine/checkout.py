"""A checkout with several versions in it, as one that upgrades has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from services.common.settings import CHECKOUT
from tests.support.platform import Home

_INSTALLED = """
from bootstrap import install
for name, folder, locks in install._missing_steps(tests=False):
    install._stamp(folder, name).write_text(install._fingerprint(locks))
"""


class Checkout:
    """This tree's files in a repository of their own, with this run's environments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        listed = ("ls-files", "--cached", "--others", "--exclude-standard", "-z")
        for name in filter(None, self._git(*listed, at=CHECKOUT).split("\0")):
            if (CHECKOUT / name).is_file():  # a file that is being deleted is still listed
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, folder / name)
        self._git("init", "--quiet", "--initial-branch=main")
        self.tag("present")
        # Installed already, by the same locks: every version of these tests has them.
        for name in (".venv", ".venv-superset"):
            (folder / name).mkdir()
            (folder / name / "bin").symlink_to(CHECKOUT / name / "bin")
        command = [sys.executable, "-c", _INSTALLED]
        subprocess.run(command, cwd=folder, env=self._environment(), check=True)

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file's text."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    def tag(self, name: str) -> None:
        """Make the files as they are a version."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", name)
        self._git("tag", name)

    def go(self, name: str) -> None:
        """Check a version out."""
        self._git("checkout", "--quiet", name)

    @property
    def version(self) -> str:
        """The version that is checked out."""
        return self._git("describe", "--tags", "--exact-match").strip()

    def make(self, home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `make …` here for a platform, as its user would."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={**home.environment, **self._environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *who, *arguments]
        result = subprocess.run(
            command, cwd=at or self.folder, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout
