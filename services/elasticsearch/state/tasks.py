"""Work that goes on after its answer: `wait_for_completion=false`.

Results are kept in memory, the newest hundred: a restart forgets them (and ends the work).
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.dates import now_millis

NODE_ID = "lakelet-node-0000000000"
_KEPT = 100
_AT_ONCE = 2

log = logging.getLogger(__name__)


@dataclass
class Task:
    """One piece of work; `response` or `error` is what it ended with."""

    number: int
    action: str
    description: str
    started: int = field(default_factory=now_millis)
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    response: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def id(self) -> str:
        """What clients call it."""
        return f"{NODE_ID}:{self.number}"

    def shown(self) -> dict[str, Any]:
        """Return it as `_tasks` shows it."""
        seconds = time.monotonic() - self.began if self.seconds is None else self.seconds
        return {
            "node": NODE_ID,
            "id": self.number,
            "type": "transport",
            "action": self.action,
            "description": self.description,
            "start_time_in_millis": self.started,
            "running_time_in_nanos": int(seconds * 1e9),
            "cancellable": True,
            "cancelled": self.cancelled.is_set(),
            "headers": {},
        }


class Tasks:
    """The tasks of one store."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tasks: dict[int, Task] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="task")

    def start(self, action: str, description: str, run: Callable[[Task], dict[str, Any]]) -> Task:
        """Begin `run` in a thread of its own as soon as there is one."""
        task = Task(next(self._numbers), action, description)
        with self._lock:
            self._tasks[task.number] = task
            ended = [number for number, each in self._tasks.items() if each.ended.is_set()]
            for number in ended[: max(0, len(self._tasks) - _KEPT)]:
                del self._tasks[number]
        self._pool.submit(self._run, task, run)
        return task

    def find(self, identifier: str) -> Task | None:
        """Return the task with this id, None when there is none (any more)."""
        node, _, number = identifier.rpartition(":")
        return self._tasks.get(int(number)) if node == NODE_ID and number.isdigit() else None

    def running(self) -> list[Task]:
        """Return the tasks that have not ended."""
        with self._lock:
            return [task for task in self._tasks.values() if not task.ended.is_set()]

    def close(self) -> None:
        """Tell all to stop and wait for them: each ends after the batch it is at."""
        for task in self.running():
            task.cancelled.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, task: Task, run: Callable[[Task], dict[str, Any]]) -> None:
        try:
            task.response = run(task)
        except RequestError as error:
            task.error = error.cause()
        except Exception:
            log.exception("task %s (%s) failed", task.id, task.action)
            task.error = {"type": "exception", "reason": "internal error; the log says more"}
        task.seconds = time.monotonic() - task.began
        task.ended.set()
