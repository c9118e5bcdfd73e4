"""Ending a platform's processes: one that has ended and is only listed still is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from services.supervisor.config import INSTANCE_VARIABLE
from services.supervisor.orphans import end_processes

# Starts a service and never asks how it ended, as some first processes of containers.
_PARENT = """
import os, subprocess, sys
service = subprocess.Popen(["sleep", "3600"], env={**os.environ, sys.argv[1]: sys.argv[2]})
print(service.pid, flush=True)
sys.stdin.read()
"""


def test_what_its_parent_does_not_look_at_has_ended_all_the_same(tmp_path: Path) -> None:
    settings: Any = SimpleNamespace(data_dir=tmp_path)
    command = [sys.executable, "-c", _PARENT, INSTANCE_VARIABLE, str(settings.data_dir)]
    environment = {k: v for k, v in os.environ.items() if k != INSTANCE_VARIABLE}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        service = psutil.Process(int(parent.stdout.readline()))
        begun = time.monotonic()
        # Its environment names the data folder; its parent's does not.
        assert end_processes(settings, grace=240) == 1
        assert time.monotonic() - begun < 120
        assert service.status() == psutil.STATUS_ZOMBIE
        assert parent.poll() is None
