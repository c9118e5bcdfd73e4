"""Finding this platform's processes without their supervisor (it may have been killed)."""

from __future__ import annotations

import contextlib
import os
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
    _, alive = psutil.wait_procs(found, timeout=grace)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=5)
    return len(found)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()
