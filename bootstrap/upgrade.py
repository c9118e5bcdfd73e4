"""Changing the version under a platform that has data: back up, switch, start, or go back."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bootstrap.backup.create import create
from bootstrap.backup.manifest import Manifest
from bootstrap.backup.restore import restore, wipe
from bootstrap.backup.store import Store
from bootstrap.progress import Progress
from bootstrap.runtime import choose_runtime
from services.common.errors import LakeletError, NotFoundError, PermanentError, RefusedError
from services.common.settings import CHECKOUT, Settings


class Version(Protocol):
    """What an upgrade changes besides the data."""

    def check(self) -> None:
        """Raise RefusedError when it could not be changed and changed back."""

    def change(self) -> None:
        """Go to the new version."""

    def change_back(self) -> None:
        """Go to the version of before."""


class GitVersion:
    """The checkout at another commit, its environments installed anew."""

    def __init__(self, ref: str, folder: Path = CHECKOUT) -> None:
        self._folder, self._ref = folder, ref
        self.before = ""

    def check(self) -> None:
        """Raise RefusedError for local changes, NotFoundError for an unknown ref."""
        if self._git("status", "--porcelain", "--untracked-files=no"):
            raise RefusedError(
                f"{self._folder} has local changes: commit or `git stash` them before an upgrade"
            )
        branch = self._git("rev-parse", "--abbrev-ref", "HEAD")
        self.before = self._git("rev-parse", "HEAD") if branch == "HEAD" else branch
        try:
            self._git("rev-parse", "--verify", "--quiet", f"{self._ref}^{{commit}}")
        except PermanentError:
            raise NotFoundError(
                f"{self._folder} has no version {self._ref!r}: `git fetch --tags`, `git tag`"
            ) from None

    def change(self) -> None:
        """Check the new commit out and install its locked requirements."""
        self._go(self._ref)

    def change_back(self) -> None:
        """Check the old one out again."""
        self._go(self.before)

    def _go(self, ref: str) -> None:
        self._git("checkout", "--quiet", ref)
        _call([sys._base_executable, "-m", "bootstrap.install"], self._folder)  # type: ignore[attr-defined]

    def _git(self, *arguments: str) -> str:
        return _call(["git", *arguments], self._folder).strip()


class SameFiles:
    """The files were changed already (`git pull`); going back is for who did that."""

    def check(self) -> None:
        """Nothing to check."""

    def change(self) -> None:
        """Nothing to do."""

    def change_back(self) -> None:
        """Nothing to do."""


_LAST_ERROR = re.compile(r"^error: ", re.MULTILINE)


def start_anew() -> None:
    """Run `lakelet up` as it is in the files now, not as this process loaded it.

    Raises PermanentError with its words when a service does not become healthy or a step fails.
    """
    command = [sys.executable, "-m", "bootstrap", "up"]
    result = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if result.returncode not in (0, 1):  # 1: it runs, and hops disagree, which is not its fault
        # Its last words are the reason; the steps before have gone well.
        raise PermanentError(_LAST_ERROR.split(result.stderr.strip())[-1][-3000:])


def upgrade(
    settings: Settings,
    store: Store,
    version: Version,
    progress: Progress,
    start: Callable[[], None] = start_anew,
) -> Manifest:
    """Change the version and start it; return the backup that was made first.

    Raises PermanentError, after everything is as it was before, when the new version does not
    start; RefusedError, before anything is changed, when that could not be undone.
    """
    version.check()
    runtime = choose_runtime(settings)[0]
    manifest, _ = create(settings, runtime, store, progress, resume=False)
    try:
        with progress.step("stop the old version"):
            runtime.down()
        runtime.set_images_aside()
        with progress.step("change the version"):
            version.change()
        start()
    except (LakeletError, OSError, KeyboardInterrupt) as error:
        progress.note(f"the new version does not start: {error}")
        _go_back(settings, store, manifest, version, progress, start)
        raise PermanentError(
            f"the upgrade failed and was undone; the data is that of backup {manifest.id} in "
            f"{store.address}. The reason: {error}"
        ) from error
    return manifest


def _go_back(
    settings: Settings,
    store: Store,
    manifest: Manifest,
    version: Version,
    progress: Progress,
    start: Callable[[], None],
) -> None:
    runtime = choose_runtime(settings)[0]
    with progress.step("change the version back"):
        runtime.down()
        version.change_back()
        runtime.put_images_back()
    wipe(settings, progress)
    differing = restore(settings.lakelet_home, store, manifest, progress)
    if differing:
        raise PermanentError(
            f"the data did not come back as it was in backup {manifest.id} of {store.address}:\n"
            + "\n".join(differing[:20])
        )
    start()


def _call(command: list[str], folder: Path) -> str:
    result = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip()[-2000:]
        raise PermanentError(f"`{' '.join(command[:3])} …` failed: {words}")
    return result.stdout
