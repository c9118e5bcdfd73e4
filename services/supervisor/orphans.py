"""Finding this platform's processes without their supervisor (it may have been killed)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import psutil

from services.common.settings import Settings
from services.supervisor.config import INSTANCE_VARIABLE


def find_processes(settings: Settings) -> Iterator[psutil.Process]:
    """Yield the running processes of this platform: by the mark in their environment.

    PostgreSQL overwrites its environment with its process title, so a command line that names
    the data folder counts too. This process and its ancestors never do.
    """
    data_dir = str(settings.data_dir)
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            named = any(data_dir + os.sep in part for part in process.cmdline()[:4])
            if named or process.environ().get(INSTANCE_VARIABLE) == data_dir:
                yield process
        except psutil.Error:
            continue  # gone meanwhile, or another user's


def end_processes(settings: Settings, grace: float = 10.0) -> int:
    """End what `find_processes` finds: SIGTERM, after `grace` seconds SIGKILL. Return how many."""
    found = list(find_processes(settings))
    for process in found:
        _signal(process, kill=False)
    alive = _waited_for(found, grace)
    for process in alive:
        _signal(process, kill=True)
    _waited_for(alive, 5)
    psutil.wait_procs(found, timeout=0)  # what this process started is off the list, too
    return len(found)


def _waited_for(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return those that still run when all have ended, or after `seconds`.

    One that has ended and is only listed still, until its new parent looks at it, does not run: in
    a container that parent may take its time.
    """
    until = time.monotonic() + seconds
    while (alive := [p for p in processes if _runs(p)]) and time.monotonic() < until:
        time.sleep(0.05)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()
