"""The worker pool: a job that is cancelled while its process is being started."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from services.airbyte.jobs import pool as module
from services.airbyte.jobs.pool import WorkerPool


class Database:
    """Stands for the pool of connections; what is asked of it is patched."""

    @contextmanager
    def connection(self) -> Any:
        yield SimpleNamespace(transaction=nullcontext, commit=lambda: None)


class Process:
    """A process whose start takes as long as the test likes."""

    def __init__(self, starting: threading.Event, go_on: threading.Event) -> None:
        self._starting, self._go_on = starting, go_on
        self.killed = False

    def start(self) -> None:
        self._starting.set()
        assert self._go_on.wait(30)

    def kill(self) -> None:
        self.killed = True

    def join(self, timeout: float) -> None:
        """It ends at once."""


def test_a_job_that_is_cancelled_while_its_process_starts_has_none_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starting, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    process = Process(starting, go_on)
    job = SimpleNamespace(id=7, config={}, attempts=())

    def end_job(*_: object) -> bool:
        ended.set()
        return True

    for name, value in {
        "due": lambda _: [job],
        "start_attempt": lambda *_: 0,
        "seconds_to_next": lambda *_, **__: None,
        "get": lambda *_: job,
        "end_job": end_job,
    }.items():
        monkeypatch.setattr(module.jobs, name, value)
    workers = WorkerPool(Database(), 1)  # type: ignore[arg-type]
    monkeypatch.setattr(workers._context, "Process", lambda **_: process)
    filling = threading.Thread(target=workers._fill)
    cancelling = threading.Thread(target=workers.cancel, args=(7,))
    filling.start()
    assert starting.wait(30)
    cancelling.start()
    assert ended.wait(30)  # it is cancelled, and its process not there yet
    go_on.set()
    filling.join(30)
    cancelling.join(30)
    assert process.killed
