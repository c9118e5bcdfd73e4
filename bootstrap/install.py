"""Makes the environments: `python3 -m bootstrap.install [--tests]`, under the system's Python.

Standard library only. Each step is skipped when its stamp says that it was done with the
same lock file; a step that was killed half-way has no stamp and is done again.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

from bootstrap import preflight
from services.common.package_index import uv_environment

CHECKOUT = Path(__file__).resolve().parents[1]
PLATFORM = CHECKOUT / ".venv"
SUPERSET = CHECKOUT / ".venv-superset"
LOCKS = CHECKOUT / "requirements"

# What `sysexits.h` calls EX_CONFIG: something has to be changed before this can work.
_EXIT_PREFLIGHT = 78
_EXIT_INSTALL = 69

_WHAT_MAY_HELP = (
    "if the package index was not reached: HTTPS_PROXY names a proxy, PIP_INDEX_URL a mirror,\n"
    "PIP_CERT their certificates; the same command goes on where this one stopped"
)


class InstallError(Exception):
    """An installing command failed; the message holds the end of what it printed."""


def main() -> int:
    """Check the machine, then make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what the tests need")
    parser.add_argument("--check", action="store_true", help="only look at the machine")
    arguments = parser.parse_args()
    if arguments.check:
        return _check()
    try:
        with _one_at_a_time():
            return _install(tests=arguments.tests)
    except InstallError as error:
        print(f"error: {error}\n{_WHAT_MAY_HELP}", file=sys.stderr)
        return _EXIT_INSTALL
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 130


def _install(*, tests: bool) -> int:
    steps = _missing_steps(tests=tests)
    if not steps:
        return 0
    problems = _problems(tests=tests)
    if problems:
        for problem in problems:
            print(f"error: {problem.check}: {problem.message}", file=sys.stderr)
        print("nothing was changed", file=sys.stderr)
        return _EXIT_PREFLIGHT
    for name, folder, locks in steps:
        started = time.monotonic()
        print(f"installing {name} into {folder.name} ...", flush=True)
        _make_environment(folder)
        _install_locked(folder, locks)
        _stamp(folder, name).write_text(_fingerprint(locks))
        print(f"installed {name} in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def _check() -> int:
    problems = _problems(tests=False)
    for problem in problems:
        print(f"{problem.check}: {problem.message}")
    if not problems:
        print("the machine is fit for Lakelet")
    if _wants_containers(_home()):
        print("(the containers' needs are looked at when `make up` has installed what can look)")
    return _EXIT_PREFLIGHT if problems else 0


def _problems(*, tests: bool) -> list[preflight.Problem]:
    problems = preflight.check_python() + preflight.check_disk(
        CHECKOUT, preflight.DISK_FOR_INSTALL, "put the checkout on a larger disk"
    )
    if tests:  # they pick homes and free ports of their own
        return problems
    home = _home()
    unfit = preflight.check_home(home)
    if not unfit and not _wants_containers(home):
        unfit = preflight.check_ports(preflight.read_env_file(home / ".env"))
    return problems + preflight.check_memory() + unfit


def _home() -> Path:
    return Path(os.environ.get("LAKELET_HOME") or CHECKOUT).expanduser()


def _wants_containers(home: Path) -> bool:
    return preflight.read_env_file(home / ".env").get("RUNTIME") == "compose"


def _missing_steps(*, tests: bool) -> list[tuple[str, Path, list[Path]]]:
    steps = [
        ("the platform", PLATFORM, [LOCKS / "platform.txt"]),
        ("Superset", SUPERSET, [LOCKS / "superset.txt"]),
    ]
    if tests:
        steps.append(("the tests' tools", PLATFORM, [LOCKS / "dev.txt"]))
    return [step for step in steps if not _is_done(*step)]


def _is_done(name: str, folder: Path, locks: list[Path]) -> bool:
    stamp = _stamp(folder, name)
    return stamp.exists() and stamp.read_text() == _fingerprint(locks)


def _stamp(folder: Path, name: str) -> Path:
    return folder / f".installed-{name.replace(' ', '-').replace(chr(39), '')}"


def _fingerprint(locks: list[Path]) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {CHECKOUT}".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def _make_environment(folder: Path) -> None:
    """Make a virtual environment, or keep one that was made to its end and works."""
    made = folder / ".made"
    python = folder / "bin" / "python"
    if made.exists() and python.exists() and _works(python, "-c", ""):
        return
    shutil.rmtree(folder, ignore_errors=True)
    # Only the platform's environment needs pip: it brings uv, and uv serves both.
    venv.create(folder, with_pip=folder == PLATFORM, symlinks=True)
    made.touch()


def _works(program: Path, *arguments: str) -> bool:
    try:
        quiet = subprocess.DEVNULL
        run = subprocess.run([program, *arguments], check=False, stdout=quiet, stderr=quiet)
    except OSError:
        return False
    return run.returncode == 0


def _install_uv(uv: Path) -> None:
    """Install uv by pip, which calls an install that was killed half-way satisfied: look at it."""
    python = PLATFORM / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--require-hashes"]
    _run([*pip, "-r", LOCKS / "uv.txt"])
    if not _works(uv, "--version"):
        _run([*pip, "--ignore-installed", "-r", LOCKS / "uv.txt"])


def _install_locked(folder: Path, locks: list[Path]) -> None:
    """Install lock files by uv: hashes required, and no resolving (the lock is the closure).

    Superset's lock could not be resolved again anyway: its driver declares bounds that
    superset.overrides lifts.
    """
    uv = PLATFORM / "bin" / "uv"
    _install_uv(uv)
    files: list[str | Path] = [part for lock in locks for part in ("-r", lock)]
    # An install that was killed leaves packages that look whole: put everything anew then.
    marker = folder / ".installing"
    again: list[str | Path] = ["--reinstall"] if marker.exists() else []
    marker.touch()
    python = folder / "bin" / "python"
    install: list[str | Path] = [uv, "pip", "install", "--python", python, "--quiet", "--no-deps"]
    environment = uv_environment(PLATFORM / "bin" / "python")
    _run([*install, "--require-hashes", *again, *files], environment)
    if folder == PLATFORM:
        _run([*install, "--no-build-isolation", "-e", CHECKOUT], environment)
    marker.unlink()


def _run(command: list[str | Path], environment: Mapping[str, str] = os.environ) -> None:
    result = subprocess.run(
        [str(part) for part in command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        words = " ".join(str(part) for part in command[:4])
        raise InstallError(f"`{words} …` failed:\n{result.stdout.strip()[-3000:]}")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock, so that two commands in one checkout do not install over each other."""
    with (CHECKOUT / "requirements" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
