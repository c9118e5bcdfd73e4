"""Connectors' own environments: made by uv on first use, one for each package and version."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.airbyte.cdk.failures import config_error, transient_error
from services.common.package_index import uv_environment

_MARK = "installed.json"
_SECONDS = 1200.0
# What uv says when nothing answers; all else will be the same the next time.
_PASSING = ("error sending request", "connection", "timed out", "dns error", "temporary failure")


@dataclass(frozen=True)
class Installed:
    """A package in its environment; `version` is the one that was taken."""

    folder: Path
    version: str

    def program(self, name: str) -> Path:
        """Return the path of a program of the environment."""
        return self.folder / "bin" / name


def ensure(root: Path, package: str, version: str, log: Callable[[str], None]) -> Installed:
    """Return the environment of `package`, made first if it is not there.

    The mark is written last: an environment without one was cut off while it was being made, and
    is made anew (what was downloaded is kept by uv and not fetched again).
    Raises ConnectorError with uv's words.
    """
    folder = root / f"{package}-{version or 'newest'}"
    if found := _present(folder):
        return found
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f".{folder.name}.lock", lambda: log(f"waiting: {package} is being set up")):
        if found := _present(folder):
            return found
        wanted = f"{package}=={version}" if version else package
        log(f"setting up {wanted}")
        shutil.rmtree(folder, ignore_errors=True)
        python = folder / "bin" / "python"
        _uv(["venv", "--quiet", "--python", sys.executable, str(folder)], wanted, log)
        _uv(["pip", "install", "--python", str(python), wanted], wanted, log)
        taken = _version(python, package)
        log(f"{package} {taken} is set up")
        mark = folder / f"{_MARK}.new"
        mark.write_bytes(orjson.dumps({"package": package, "version": taken}))
        mark.rename(folder / _MARK)
    return Installed(folder, taken)


def _present(folder: Path) -> Installed | None:
    try:
        return Installed(folder, orjson.loads((folder / _MARK).read_bytes())["version"])
    except FileNotFoundError:
        return None


@contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock at `path`; it goes with the process, however that ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _uv(arguments: list[str], wanted: str, log: Callable[[str], None]) -> None:
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        raise config_error(f"{wanted} cannot be installed: {uv} is not there; run `make up` again")
    process = subprocess.Popen(
        [uv, *arguments],
        env={
            **uv_environment(Path(sys.executable)),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert process.stderr is not None  # noqa: S101 - asked for above
    overdue = threading.Timer(_SECONDS, process.kill)
    overdue.start()
    said: list[str] = []
    try:
        for line in process.stderr:
            text = line.strip()
            said.append(text)
            if text and not text.startswith(("+", "-", "~")):
                log(text)
        code = process.wait()
    finally:
        overdue.cancel()
        process.kill()
        process.wait()
    if code == 0:
        return
    words = " ".join(said)[-2000:]
    message = f"{wanted} could not be installed: {words or 'uv was ended'}"
    if code < 0 or any(sign in words.lower() for sign in _PASSING):
        raise transient_error(f"{message}; is the package index reachable?")
    raise config_error(f"{message}; set another version of the connector")


def _version(python: Path, package: str) -> str:
    return subprocess.run(
        [python, "-c", f"import importlib.metadata as m; print(m.version({package!r}))"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()
