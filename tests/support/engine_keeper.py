"""Keeps a Docker engine for as long as its standard input is open, then leaves nothing of it.

Run by tests/support/docker.py as a process of its own: `python engine_keeper.py FOLDER`. The kernel
closes the input when the tests end, however they end (`kill -9` too); an engine that merely died
with them would leave its containers running, with their mounts and networks.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

# What the engine makes of its own and leaves, where it was not there before.
_BRIDGE = "docker0"


def main(folder: Path) -> int:
    """Start the engine, wait for the input's end or the engine's, clean up; return its status."""
    # The tests' Ctrl-C ends the tests; the end of the input then ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    bridged = _has_bridge()
    address = f"unix://{folder}/docker.sock"
    daemon = subprocess.Popen(
        [
            *("dockerd", "--host", address, "--data-root", folder / "data"),
            *("--exec-root", folder / "exec", "--pidfile", folder / "docker.pid"),
        ],
        stdin=subprocess.DEVNULL,
    )
    threading.Thread(target=_end_with_the_input, args=(daemon, address), daemon=True).start()
    status = daemon.wait()
    for mount in _mounts_below(folder):
        _run("umount", "--lazy", mount)
    if not bridged and _has_bridge():
        _run("ip", "link", "delete", _BRIDGE)
    for name in ("data", "exec"):  # gigabytes of images
        shutil.rmtree(folder / name, ignore_errors=True)
    return status


def _end_with_the_input(daemon: subprocess.Popen[bytes], address: str) -> None:
    while sys.stdin.buffer.read(1 << 16):
        pass
    docker = ("docker", "--host", address)
    if containers := _run(*docker, "ps", "--all", "--quiet").split():
        _run(*docker, "rm", "--force", "--volumes", *containers)
    _run(*docker, "network", "prune", "--force")
    daemon.terminate()
    try:
        daemon.wait(60)
    except subprocess.TimeoutExpired:
        daemon.kill()


def _has_bridge() -> bool:
    return Path("/sys/class/net", _BRIDGE).exists()


def _mounts_below(folder: Path) -> list[str]:
    """Return the mount points below a folder, inner ones first (proc_pid_mountinfo(5))."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), reverse=True)


def _run(*command: str) -> str:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
