"""The embedded runtime: local processes under a supervisor."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from bootstrap import preflight
from bootstrap.monitoring import ensure_prometheus
from bootstrap.preflight import Problem
from bootstrap.progress import Progress
from bootstrap.runtime import record_used
from services.common.debian import runs_prometheus
from services.common.errors import NotFoundError, RefusedError
from services.common.settings import Settings
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from services.supervisor.programs import BASES


class EmbeddedRuntime:
    """Runs the services of one home folder."""

    name = "embedded"
    engines = "light"
    bases: tuple[str, ...] = BASES
    has_catalog = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.inside = settings
        self._supervisor = Supervisor(settings)

    def is_up(self) -> bool:
        """Say whether every service is healthy."""
        wanted = self._settings.monitoring != "on" or runs_prometheus(self._settings)
        return wanted and self._supervisor.all_healthy()

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

        record_used(self._settings, self.name)
        came = ensure_prometheus(self._settings, progress)
        ran = came and self._supervisor.is_running()
        self._supervisor.start(tell)
        if ran:
            self._supervisor.restart("exporter")  # Prometheus evaluates the rules from now on

    def up_only(self, names: Sequence[str]) -> None:
        """Have these services run, healthy, and no others."""
        if not self._supervisor.is_running():
            end_processes(self._settings)
            self._check_machine()
        record_used(self._settings, self.name)
        self._supervisor.start_only(names)

    def running(self) -> list[str]:
        """Return the names of the services that run, well or not."""
        return [row.name for row in self._supervisor.status() if row.pid]

    def volumes(self) -> list[str]:
        """Everything is in the data folder."""
        return []

    def read_volume(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """There are no volumes."""
        raise NotFoundError(f"no volume {name!r}: the embedded runtime keeps files")

    def write_volume(self, name: str, content: Path) -> None:
        """There are no volumes."""
        raise NotFoundError(f"no volume {name!r}: the embedded runtime keeps files")

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

    def show_logs(self, service: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the logs. Raises NotFoundError for an unknown service or no logs."""
        try:
            files = [f for f in self._supervisor.log_files(service) if f.exists()]
        except KeyError as error:
            raise NotFoundError(str(error.args[0])) from error
        if not files:
            raise NotFoundError("no logs yet; `lakelet up` starts the services")
        tail = shutil.which("tail")
        if tail is None:
            raise NotFoundError(f"no `tail` here; the logs are {', '.join(map(str, files))}")
        how = ["-F"] if follow else []
        subprocess.run([tail, "-n", str(lines), *how, *map(str, files)], check=False)

    def set_images_aside(self) -> None:
        """There are no images: the files are the version."""

    def put_images_back(self) -> None:
        """There are no images: the files are the version."""

    def remove(self) -> None:
        """Stop everything; all it keeps is in the data folder."""
        self.down()

    def problems(self) -> list[Problem]:
        """Check disk, memory and, while nothing of ours holds them, ports."""
        home = self._settings.lakelet_home
        problems = preflight.check_disk(home, preflight.DISK_TO_RUN) + preflight.check_memory()
        if not self._supervisor.is_running():
            problems += preflight.check_ports(preflight.read_env_file(self._settings.env_file))
        return problems

    def _check_machine(self) -> None:
        problems = self.problems()
        if problems:
            raise RefusedError("\n".join(f"{p.check}: {p.message}" for p in problems))
