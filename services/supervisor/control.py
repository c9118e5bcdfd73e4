"""Starting, stopping and asking supervisord, over its XML-RPC socket."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport

from services.common.errors import TransientError
from services.common.settings import Settings
from services.common.waiting import wait_until
from services.supervisor.config import child_environment, log_folder, socket_path, write_config
from services.supervisor.orphans import end_processes
from services.supervisor.programs import PROGRAMS, Program, program, programs

Progress = Callable[[str, str], None]
# supervisord's states in which a process runs or is about to.
_AT_WORK = ("RUNNING", "STARTING", "BACKOFF")


@dataclass(frozen=True)
class ServiceStatus:
    """What is known of one service; `uptime` in seconds, `memory` in bytes of its process tree."""

    name: str
    state: str
    healthy: bool
    pid: int | None
    uptime: int
    memory: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class Supervisor:
    """supervisord of one platform."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def is_running(self) -> bool:
        """Say whether supervisord answers on its socket."""
        if not self._settings.data_dir.exists() or not socket_path(self._settings).exists():
            return False  # asked of a home that was never used, this makes no folder there
        try:
            return bool(self._rpc().getState()["statename"] == "RUNNING")
        except OSError:
            return False

    def start(self, progress: Progress = lambda _name, _state: None, seconds: float = 300) -> None:
        """Start all services, each once what it needs is healthy; return when all are.

        `progress(name, state)` is told each change. Raises TransientError with the end of the
        log when a service is not healthy within `seconds` or cannot be started.
        """
        self._ensure_daemon()
        self._start(list(programs(self._settings)), progress, seconds)

    def start_only(self, names: Sequence[str], seconds: float = 300) -> None:
        """Stop every service but those named (and those that stay), and start those.

        Raises as `start` does.
        """
        self._ensure_daemon()
        for other in reversed([p for p in PROGRAMS if not p.stays]):
            if other.name not in names and self._info(other.name)["statename"] in _AT_WORK:
                with contextlib.suppress(Fault):  # has ended by itself meanwhile
                    self._rpc().stopProcess(other.name)
        chosen = [p for p in programs(self._settings) if p.name in names]
        self._start(chosen, lambda _name, _state: None, seconds)

    def _ensure_daemon(self) -> None:
        if not self.is_running():
            end_processes(self._settings)  # what a killed supervisor left holds ports and files
            self._start_daemon()
        else:
            self._learn()

    def _start(self, waiting: list[Program], progress: Progress, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        healthy: set[str] = set()
        while waiting:
            for candidate in [p for p in waiting if set(p.needs) <= healthy]:
                if self._ensure_started(candidate):
                    progress(candidate.name, "starting")
                if _answers(candidate, self._settings):
                    waiting.remove(candidate)
                    healthy.add(candidate.name)
                    progress(candidate.name, "healthy")
            if waiting and time.monotonic() > deadline:
                raise TransientError(self._why_not(waiting, seconds))
            if waiting:
                time.sleep(0.1)

    def restart(self, name: str) -> None:
        """Restart one service and wait until it is healthy."""
        chosen = program(name)
        if self._info(name)["statename"] in ("RUNNING", "STARTING"):
            self._rpc().stopProcess(name)
        self._ensure_started(chosen)
        wait_until(lambda: _answers(chosen, self._settings), seconds=300, what=name)

    def stop(self) -> int:
        """Stop the services in reverse order, then supervisord, then any process left over.

        Returns how many processes had been left over (0 after a clean stop).
        """
        if self.is_running():
            supervisor = psutil.Process(int(self._rpc().getPID()))
            for running in reversed(PROGRAMS):
                try:
                    self._rpc().stopProcess(running.name)
                except Fault:
                    continue  # was not running
            self._rpc().shutdown()
            psutil.wait_procs([supervisor], timeout=30)
        return end_processes(self._settings)

    def status(self) -> list[ServiceStatus]:
        """Return one row for each service, also when nothing runs."""
        if not self.is_running():
            return [
                ServiceStatus(p.name, "STOPPED", False, None, 0, 0)
                for p in programs(self._settings)
            ]
        return [self._status(p) for p in programs(self._settings)]

    def all_healthy(self) -> bool:
        """Say whether every service runs and answers (`status` also measures memory)."""
        return self.is_running() and all(self._healthy(p) for p in programs(self._settings))

    def log_files(self, name: str | None = None) -> list[Path]:
        """Return the current log files of service `name`, or of all. Raises KeyError."""
        names = [program(name).name] if name else [p.name for p in programs(self._settings)]
        return [log_folder(self._settings) / f"{n}.log" for n in names]

    def _status(self, of: Program) -> ServiceStatus:
        info = self._info(of.name)
        pid = info["pid"] or None
        return ServiceStatus(
            name=of.name,
            state=info["statename"],
            healthy=pid is not None and _answers(of, self._settings),
            pid=pid,
            uptime=max(0, info["now"] - info["start"]) if pid else 0,
            memory=_tree_memory(pid) if pid else 0,
        )

    def _healthy(self, of: Program) -> bool:
        return bool(self._info(of.name)["pid"]) and _answers(of, self._settings)

    def _start_daemon(self) -> None:
        socket_path(self._settings).unlink(missing_ok=True)
        result = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", write_config(self._settings)],
            env=child_environment(self._settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise TransientError(f"supervisord did not start: {result.stderr.strip()}")
        wait_until(self.is_running, seconds=20, what="supervisord")

    def _learn(self) -> None:
        """Tell a running supervisord of programs that it was started without."""
        write_config(self._settings)
        added, _changed, _removed = self._rpc().reloadConfig()[0]
        for name in added:
            self._rpc().addProcessGroup(name)

    def _ensure_started(self, wanted: Program) -> bool:
        if self._info(wanted.name)["statename"] not in ("STOPPED", "EXITED", "FATAL"):
            return False
        self._rpc().startProcess(wanted.name, False)
        return True

    def _why_not(self, waiting: list[Program], seconds: float) -> str:
        parts = []
        for late in waiting:
            log = self.log_files(late.name)[0]
            tail = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
            parts.append(f"{late.name} ({self._info(late.name)['statename']}; {log}):")
            parts += [f"    {line[:400]}" for line in tail]
        return f"not healthy within {seconds:g} s:\n" + "\n".join(parts)

    def _info(self, name: str) -> dict[str, Any]:
        try:
            return self._rpc().getProcessInfo(name)  # type: ignore[no-any-return]
        except Fault as fault:
            if fault.faultCode != Faults.BAD_NAME:
                raise
            return {"statename": "STOPPED", "pid": 0}  # added since supervisord was started

    def _rpc(self) -> Any:
        # A ServerProxy is one connection and no more: xmlrpc.client is not made for threads.
        address = f"unix://{socket_path(self._settings)}"
        return ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, address)
        ).supervisor


def _answers(asked: Program, settings: Settings) -> bool:
    try:
        return asked.answers(settings)
    except Exception:  # noqa: BLE001 - whatever the client raises, the service does not answer
        return False


def _tree_memory(pid: int) -> int:
    """Return the memory of a process and its descendants, shared pages counted once (PSS)."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in tree:
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", 0) or full.rss
        except psutil.Error:
            continue
    return total
