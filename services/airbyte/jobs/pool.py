"""The worker pool: starts due jobs, watches their processes, settles what dies."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from typing import Any

import psycopg

from services.airbyte.jobs import worker_entry
from services.airbyte.jobs.outcome import cancelled, finish, lost_attempt
from services.airbyte.state import jobs
from services.airbyte.state.database import Db
from services.airbyte.state.database import Pool as DbPool
from services.common.errors import TransientError

log = logging.getLogger(__name__)

WORKER = "services.airbyte.jobs.worker"
_IDLE = 30.0

Json = dict[str, Any]


class WorkerPool:
    """Runs at most `size` attempts at a time, each in its own process.

    Continuous jobs have processes beside these: they would keep all others from running.
    """

    def __init__(self, db: DbPool, size: int) -> None:
        self._db, self._size = db, size
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([WORKER])
        self._running: dict[int, tuple[int, ForkServerProcess]] = {}
        self._continuous: set[int] = set()
        self._lock = threading.Lock()
        self._wake_reader, self._wake_writer = os.pipe()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def warm_up(self) -> None:
        """Start the fork server, so that its imports are done before the first job."""
        forkserver.ensure_running()

    def start(self) -> None:
        """Give up what an earlier server left running, then begin to work."""
        with self._db.connection() as db:
            for job_id, attempt in jobs.running_attempts(db):
                reason = "the server was stopped during this attempt; it is tried again"
                status = finish(db, job_id, attempt, [lost_attempt(reason)])
                log.warning("%s", reason, extra={"job_id": job_id, "status": status})
        self._thread.start()

    def stop(self) -> None:
        """Stop working; running attempts end and are retried by the next server."""
        self._stopping = True
        self.wake()
        with self._lock:
            for _, process in self._running.values():
                process.kill()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        _stop_fork_server()

    def wake(self) -> None:
        """Look for due jobs now."""
        os.write(self._wake_writer, b".")

    def cancel(self, job_id: int) -> bool:
        """Cancel a job that has not ended; its process is gone when this returns."""
        with self._db.connection() as db, db.transaction():
            self._end_attempts(db, job_id)
            ended = jobs.end_job(db, job_id, "cancelled")
            self._end_attempts(db, job_id)  # one may have begun between the two
        with self._lock:
            running = self._running.get(job_id)
        if running:
            running[1].kill()
            running[1].join(timeout=5)
        self.wake()
        return ended

    def _end_attempts(self, db: Db, job_id: int) -> None:
        for attempt in jobs.get(db, job_id).attempts:
            jobs.end_attempt(db, job_id, attempt.number, [cancelled()])

    def call(self, operation: str, kind: str, connector: str, config: Json, timeout: float) -> Json:
        """Run check or discover in its own process. Raises TransientError after `timeout` s."""
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=worker_entry.run_call,
            args=(writer, operation, kind, connector, config),
            daemon=True,
        )
        process.start()
        writer.close()
        try:
            if not reader.poll(timeout):
                raise TransientError(f"{operation} gave no answer within {timeout:.0f} s")
            answer: Json = reader.recv()
        except EOFError as error:
            raise TransientError(f"{operation} ended without an answer (out of memory?)") from error
        finally:
            process.kill()
            process.join(timeout=5)
            reader.close()
        return answer

    def _loop(self) -> None:
        while not self._stopping:
            try:
                pause = self._fill()
            except psycopg.Error as error:
                log.warning("the database cannot be reached: %s", error)
                pause = 1.0
            except Exception:
                log.exception("looking for due jobs failed")
                pause = 1.0
            with self._lock:
                sentinels = [process.sentinel for _, process in self._running.values()]
            ready = multiprocessing.connection.wait([self._wake_reader, *sentinels], pause)
            if self._wake_reader in ready:
                os.read(self._wake_reader, 4096)
            if not self._stopping:
                self._settle_dead()

    def _fill(self) -> float:
        full = False
        with self._db.connection() as db:
            for job in jobs.due(db):
                continuous = bool(job.config.get("continuous"))
                with self._lock:
                    if job.id in self._running:
                        continue
                    busy = len(self._running.keys() - self._continuous)
                    if not continuous and busy >= self._size:
                        full = True  # the end of one of them wakes the loop
                        continue
                # Whoever cancels it now waits for the process, or else would not find it.
                with self._lock:
                    self._begin(db, job.id, continuous)
            wait = jobs.seconds_to_next(db, without_due=full)
        return _IDLE if wait is None else min(_IDLE, wait + 0.01)

    def _begin(self, db: Db, job_id: int, continuous: bool) -> None:
        """Start an attempt's process, unless the job was cancelled meanwhile."""
        number = jobs.start_attempt(db, job_id)
        db.commit()
        if number is None:
            return
        process = self._context.Process(
            target=worker_entry.run_attempt, args=(job_id, number), daemon=True
        )
        try:
            process.start()
        except OSError as error:  # no memory, no more processes, fork server gone
            reason = f"no process could be started ({error}); it is tried again"
            finish(db, job_id, number, [lost_attempt(reason)])
            log.warning("%s", reason, extra={"job_id": job_id})
            return
        self._running[job_id] = (number, process)
        if continuous:
            self._continuous.add(job_id)

    def _settle_dead(self) -> None:
        with self._lock:
            dead = [(j, n, p) for j, (n, p) in self._running.items() if p.exitcode is not None]
        for job_id, number, process in dead:
            reason = (
                f"the process of this attempt ended by itself ({_exit(process.exitcode)});"
                " it is tried again"
            )
            try:
                with self._db.connection() as db:
                    if finish(db, job_id, number, [lost_attempt(reason)]):
                        log.warning("%s", reason, extra={"job_id": job_id})
            except psycopg.Error as error:
                log.warning("the end of job %s could not be stored yet: %s", job_id, error)
                continue
            process.join()
            with self._lock:
                self._running.pop(job_id, None)
                self._continuous.discard(job_id)


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


def _stop_fork_server() -> None:
    stop = getattr(forkserver._forkserver, "_stop", None)
    if stop is not None:
        stop()
