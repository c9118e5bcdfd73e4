"""The embedded runtime: local processes under a supervisor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bootstrap import preflight
from bootstrap.progress import Progress
from services.common.errors import NotFoundError, RefusedError
from services.common.settings import Settings
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes


class EmbeddedRuntime:
    """Runs the services of one home folder."""

    name = "embedded"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._supervisor = Supervisor(settings)

    def is_up(self) -> bool:
        """Say whether every service is healthy."""
        return self._supervisor.is_running() and all(s.healthy for s in self._supervisor.status())

    def up(self, progress: Progress) -> None:
        """Start what does not run. Raises RefusedError when the machine is not fit for it."""
        if not self._supervisor.is_running():
            end_processes(self._settings)  # a killed supervisor's children hold our ports
            self._check_machine()
        started: dict[str, float] = {}

        def tell(name: str, state: str) -> None:
            if state == "starting":
                started[name] = time.monotonic()
            elif name in started:
                seconds = time.monotonic() - started[name]
                progress.note(f"    {name} is healthy after {seconds:.1f} s")

        self._supervisor.start(tell)

    def down(self) -> None:
        """Stop everything; data stays."""
        self._supervisor.stop()

    def restart(self, service: str) -> None:
        """Restart one service. Raises NotFoundError when there is none of that name."""
        try:
            self._supervisor.restart(service)
        except KeyError as error:
            raise NotFoundError(str(error.args[0])) from error

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each service."""
        return [row.as_dict() for row in self._supervisor.status()]

    def log_files(self, service: str | None) -> list[Path]:
        """Return the current log files. Raises NotFoundError for an unknown service."""
        try:
            return self._supervisor.log_files(service)
        except KeyError as error:
            raise NotFoundError(str(error.args[0])) from error

    def _check_machine(self) -> None:
        environment = preflight.read_env_file(self._settings.env_file)
        home = self._settings.lakelet_home
        problems = preflight.check_disk(home, preflight.DISK_TO_RUN)
        problems += preflight.check_memory() + preflight.check_ports(environment)
        if problems:
            raise RefusedError("\n".join(f"{p.check}: {p.message}" for p in problems))
