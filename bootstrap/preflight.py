"""What must be true of the machine before anything is changed on it.

Standard library only and no other package of ours but the table of ports: it runs under
the system's Python before anything is installed.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from services.common import ports

PYTHON = (3, 11)
# Measured: environments 1.8 GB, wheels' cache 1.2 GB while installing, sample data 0.3 GB.
DISK_FOR_INSTALL = 4_000_000_000
DISK_TO_RUN = 1_000_000_000
# Measured: 1.5 GB resident when all services work; the rest is room for queries.
MEMORY = 3_000_000_000

_HOME_ELSEWHERE = "set LAKELET_HOME to a folder on a larger disk"


class Problem(NamedTuple):
    """One thing that stands in the way, and what to do about it."""

    check: str
    message: str


def read_env_file(path: Path) -> dict[str, str]:
    """Return the `KEY=value` lines of `.env`, over which the process's environment wins."""
    values = {}
    if path.exists():
        for line in path.read_text().splitlines():
            key, sign, value = line.strip().partition("=")
            if sign and not key.startswith("#"):
                values[key.strip()] = value.strip().strip("'\"")
    return {**values, **{k: v for k, v in os.environ.items() if v}}


def check_python() -> list[Problem]:
    """Check the interpreter's version and that it can make virtual environments."""
    if sys.version_info < PYTHON:
        running = ".".join(map(str, sys.version_info[:3]))
        wanted = ".".join(map(str, PYTHON))
        return [
            Problem(
                "python",
                f"this is Python {running} ({sys.executable}); Lakelet needs {wanted} or newer: "
                f"install it and run `make up PYTHON=python{wanted}`",
            )
        ]
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return [
            Problem(
                "python",
                f"{sys.executable} has no `venv` module; on Debian or Ubuntu: "
                f"apt-get install python3-venv",
            )
        ]
    return []


def check_home(home: Path) -> list[Problem]:
    """Check that `home` (LAKELET_HOME) is a folder of ours to write to, or can become one."""
    try:
        there = home
        while not there.exists():
            there = there.parent
        fit = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except PermissionError:
        fit = False
    if fit:
        return []
    return [
        Problem(
            "home",
            f"{home} is no folder that {getpass.getuser()} may write to: "
            "set LAKELET_HOME to one that is",
        )
    ]


def check_disk(folder: Path, needed: int, instead: str = _HOME_ELSEWHERE) -> list[Problem]:
    """Check that the file system of `folder` has `needed` bytes free; `instead`: a way out."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free >= needed:
        return []
    return [
        Problem(
            "disk",
            f"{free / 1e9:.1f} GB free on the file system of {folder}, "
            f"{needed / 1e9:.1f} GB needed: free some, or {instead}",
        )
    ]


def check_memory() -> list[Problem]:
    """Check the memory that programs can still get (Linux' MemAvailable; elsewhere the whole)."""
    available = available_memory()
    if available is None or available >= MEMORY:
        return []
    return [
        Problem(
            "memory",
            f"{available / 1e9:.1f} GB of memory available, {MEMORY / 1e9:.1f} GB needed: "
            "close other programs (DREMIO_MEMORY_LIMIT in .env bounds the query engine)",
        )
    ]


def check_ports(environment: dict[str, str]) -> list[Problem]:
    """Check that every port is free; name who holds one and the setting that moves it."""
    try:
        numbers = ports.resolve(environment)
    except ValueError as error:
        return [Problem("ports", f"{error}: correct it in .env or in the environment")]
    address = environment.get("BIND_ADDRESS") or "127.0.0.1"
    problems = []
    taken: dict[int, str] = {}
    for port in ports.PORTS:
        name, _, needed = port.only_with.partition("=")
        if name and environment.get(name) != needed:
            continue
        for number in {numbers[port.setting], numbers[port.setting] + port.companion}:
            if number in taken:
                message = f"{port.setting} and {taken[number]} both ask for port {number}"
                problems.append(Problem("ports", f"{message}: move one of them in .env"))
            elif not is_free(address, number):
                problems.append(
                    Problem(
                        "ports",
                        f"port {number} ({port.speaks}) is held by {holder(number)}: stop it, or "
                        f"set {port.setting} (or PORT_OFFSET, which moves all) in .env",
                    )
                )
            taken[number] = port.setting
    return problems


def holder(number: int) -> str:
    """Return `name (pid N)` of the process that listens on a TCP port, as far as may be known."""
    inodes = set()
    local = False
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            # local address is HEX:PORT; state 0A is LISTEN (proc_net_tcp(5))
            if int(fields[1].rsplit(":", 1)[1], 16) == number:
                local = True
                if fields[3] == "0A":
                    inodes.add(f"socket:[{fields[9]}]")
    if local and not inodes:  # the system gives ports from 32768 on to outgoing connections
        return "an outgoing connection, which may end soon"
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
        except OSError:
            continue
    return "another process"


def is_free(address: str, number: int) -> bool:
    """Say whether a server could listen on this address and port now."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # Connections of a server that has just ended linger; servers bind over them, so may we.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
        except OSError:
            return False
    return True


def available_memory() -> int | None:
    """Return the bytes that programs can still get, or None where that cannot be known."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
