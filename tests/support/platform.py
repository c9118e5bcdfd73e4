"""A platform of the tests' own: a temporary home, free ports, nothing shared with a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from bootstrap.environment import ensure_env_file
from services.common.settings import CHECKOUT, Settings, read_settings
from services.common.waiting import wait_until
from services.supervisor.config import INSTANCE_VARIABLE
from services.supervisor.orphans import end_processes, find_processes
from services.supervisor.programs import program
from tests.support.ports import free_ports


class Home:
    """A home folder with a `.env` of free ports and generated secrets."""

    def __init__(self, folder: Path, **extra: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        lines = {**{k: str(v) for k, v in free_ports().items()}, **extra}
        (folder / ".env").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
        ensure_env_file(folder)
        self.settings: Settings = read_settings(folder)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the platform's processes and commands run in."""
        return {
            **os.environ,
            "LAKELET_HOME": str(self.folder),
            "PYTHONPATH": str(CHECKOUT),
            INSTANCE_VARIABLE: str(self.settings.data_dir),
        }

    def lakelet(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run the `lakelet` command as a user would."""
        return subprocess.run(
            [sys.executable, "-m", "bootstrap", *arguments],
            env=self.environment,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def lakelet_json(self, *arguments: str) -> Any:
        """Run the command with `--json`; fail with its words when it fails."""
        result = self.lakelet(*arguments, "--json")
        assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
        return json.loads(result.stdout)

    def left_over(self) -> list[str]:
        """Return the platform's processes that still run."""
        found = []
        for process in find_processes(self.settings):
            with suppress(psutil.NoSuchProcess):
                found.append(f"{process.pid} {' '.join(process.cmdline()[:4])}")
        return found

    def kill_workers(self) -> int:
        """Kill the processes of attempts, children of the sync server's fork server; count them."""
        killed = 0
        for child in psutil.Process(self.running["airbyte"].pid).children():
            with suppress(psutil.NoSuchProcess):
                for worker in child.children():
                    with suppress(psutil.NoSuchProcess):
                        worker.kill()
                        killed += 1
        return killed

    def start_service(self, name: str) -> subprocess.Popen[bytes]:
        """Start one service as the supervisor would, and wait until it is healthy."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                env=self.environment,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        chosen = program(name)

        def ready() -> bool:
            return process.poll() is not None or chosen.answers(self.settings)

        wait_until(ready, seconds=180, what=name)
        assert process.poll() is None, f"{name} ended: {log.read_text()[-3000:]}"
        self.running[name] = process
        return process


@contextmanager
def services_in(folder: Path, *names: str, **extra: str) -> Iterator[Home]:
    """Run some of the services (in this order) in a new home; end them afterwards.

    `extra`: lines of its `.env`.
    """
    home = Home(folder, **extra)
    try:
        for name in names:
            home.start_service(name)
        yield home
    finally:
        end_processes(home.settings)
