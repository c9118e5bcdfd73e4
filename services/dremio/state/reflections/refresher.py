"""Builds reflections in the background: first time, on change, by the clock, again after failures.

One thread, one build at a time: the machine's cores belong to the queries.
"""

from __future__ import annotations

import datetime
import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apscheduler.triggers.cron import CronTrigger

from services.dremio.state.core import Core
from services.dremio.state.reflections.build import build, needs_build
from services.dremio.state.reflections.definition import Reflection

if TYPE_CHECKING:
    from services.dremio.state.reflections.registry import Reflections

# How soon another process's commit is noticed; this process's own are told at once.
POLL_SECONDS = 10.0
_FIRST_RETRY, _LAST_RETRY = 2.0, 600.0
_log = logging.getLogger(__name__)


@dataclass
class State:
    """How a reflection's refreshes stand. Times are of the monotonic clock.

    `current_at`: when a look found nothing to refresh.
    """

    failures: int = 0
    error: str = ""
    retry_at: float = 0.0
    not_before: float = 0.0
    running: bool = False
    current_at: datetime.datetime | None = None
    asked: threading.Event = field(default_factory=threading.Event)


class Refresher:
    """The background thread and what it knows."""

    def __init__(self, core: Core, reflections: Reflections) -> None:
        self._core = core
        self._reflections = reflections
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._states: dict[str, State] = {}
        self._jobs: queue.SimpleQueue[tuple[str, list[dict[str, Any]]]] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="reflections", daemon=True)
        self._idle = threading.Condition()
        self._rounds = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self.changed()

    def stop(self) -> None:
        """End the thread; a build that runs is left to the process's end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(5)

    def changed(self) -> None:
        """Look at every reflection soon: something it depends on may have changed."""
        self._wake.set()

    def ask(self, reflection_id: str) -> None:
        """Refresh a reflection now, whatever its policy says."""
        state = self.state(reflection_id)
        state.retry_at = 0.0
        state.asked.set()
        self._wake.set()

    def state(self, reflection_id: str) -> State:
        """Return how a reflection's refreshes stand."""
        return self._states.setdefault(reflection_id, State())

    def record(self, job_id: str, entries: list[dict[str, Any]]) -> None:
        """Write down soon what a job made of the reflections."""
        self._jobs.put((job_id, entries))

    def settle(self, seconds: float) -> bool:
        """Wait until a whole round has passed since now; False when `seconds` were too few."""
        with self._idle:
            wanted = self._rounds + 2
            self._wake.set()
            end = time.monotonic() + seconds
            while self._rounds < wanted:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._wake.set()
                self._idle.wait(min(left, 0.05))
        return True

    def _work(self) -> None:
        polled = 0.0
        while not self._stop.is_set():
            self._wake.wait(self._pause())
            self._wake.clear()
            try:
                self.write_jobs()
                self._reflections.segments.sweep()
                for reflection in self._reflections.all():
                    if self._stop.is_set():
                        return
                    if self._is_due(reflection):
                        self._refresh(reflection)
            except Exception:  # noqa: BLE001 - the thread must outlive any trouble
                _log.exception("reflections were not looked after; trying again")
                self._stop.wait(1.0)
            polled = time.monotonic()
            with self._idle:
                self._rounds += 1
                self._idle.notify_all()
        _log.debug("ended after a last look at %s", polled)

    def _pause(self) -> float:
        """Return how long to sleep: until the next retry or look, at most a minute."""
        reflections = self._reflections.all()
        pause = 60.0
        now = time.monotonic()
        for reflection in reflections:
            state = self.state(reflection.id)
            if reflection.enabled and reflection.policy.method == "CHANGE":
                pause = min(pause, POLL_SECONDS)
            if state.failures:
                pause = min(pause, max(0.05, state.retry_at - now))
            elif state.not_before > now:
                pause = min(pause, max(0.05, state.not_before - now))
            elif (due := self._next(reflection)) is not None:
                left = (due - datetime.datetime.now(datetime.UTC)).total_seconds()
                pause = min(pause, max(0.05, left))
        return pause

    def _next(self, reflection: Reflection) -> datetime.datetime | None:
        """Return when a reflection's clock asks for its next refresh, None when it has none."""
        built = self._reflections.built(reflection.id)
        policy = reflection.policy
        if built is None or not reflection.enabled:
            return None
        since = max(built.finished_at, self.state(reflection.id).current_at or built.finished_at)
        if policy.method == "PERIOD":
            return since + datetime.timedelta(seconds=policy.period)
        if policy.method == "SCHEDULE":
            trigger = CronTrigger.from_crontab(policy.cron, timezone="UTC")
            found: datetime.datetime | None = trigger.get_next_fire_time(None, since)
            return found
        return None

    def write_jobs(self) -> None:
        """Write down what jobs made of the reflections; all before this call is there after it.

        Also what another thread had begun to write: whoever counts then would miss it.
        """
        with self._writing:
            while True:
                try:
                    job_id, entries = self._jobs.get_nowait()
                except queue.Empty:
                    return
                self._reflections.store.record_job(job_id, entries)

    def _is_due(self, reflection: Reflection) -> bool:
        if not reflection.enabled:
            return False
        state = self.state(reflection.id)
        if state.asked.is_set():
            return True
        now = time.monotonic()
        if state.failures and state.retry_at > now:
            return False
        built = self._reflections.built(reflection.id)
        if built is None:
            return True
        policy = reflection.policy
        if policy.method == "CHANGE":
            return now >= state.not_before
        due = self._next(reflection)
        return due is not None and due <= datetime.datetime.now(datetime.UTC)

    def _refresh(self, reflection: Reflection) -> None:
        state = self.state(reflection.id)
        state.asked.clear()
        reflections = self._reflections
        began = time.monotonic()
        record = ""
        state.running = True
        try:
            former = reflections.built(reflection.id)
            if former is not None and not needs_build(self._core, reflection, former):
                state.failures, state.error = 0, ""
                state.current_at = datetime.datetime.now(datetime.UTC)
                return
            record = reflections.store.started(reflection.id)
            built = build(self._core, reflections.segments, reflection, former, record)
            # Before it is in use: what answers queries is not told to be failing.
            state.failures, state.error = 0, ""
            if built is None:
                reflections.store.failed(record, "nothing had changed")
            elif not reflections.install(built):
                reflections.store.failed(record, "the definition changed during the refresh")
                kept = set(former.contents.segments) if former is not None else set()
                for segment in built.contents.segments:
                    if segment not in kept:
                        reflections.segments.drop(segment)
                self._wake.set()
            else:
                seconds = time.monotonic() - began
                _log.info(
                    "reflection refreshed",
                    extra={
                        "reflection": reflection.name,
                        "method": built.method,
                        "rows": built.rows,
                        "seconds": round(seconds, 3),
                    },
                )
                # A table that changes all the time leaves half of the time to the queries.
                state.not_before = time.monotonic() + min(seconds, 60.0)
        except Exception as error:  # noqa: BLE001 - shown, and tried again
            state.failures += 1
            state.error = str(error)
            pause = min(_FIRST_RETRY * 2 ** (state.failures - 1), _LAST_RETRY)
            state.retry_at = time.monotonic() + pause
            _log.warning(
                "reflection not refreshed",
                extra={"reflection": reflection.name, "error": str(error), "retry_seconds": pause},
            )
            if record:
                reflections.store.failed(record, str(error))
        finally:
            state.running = False
