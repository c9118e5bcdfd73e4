"""Runs statements in the background, as REST's jobs; their results wait in files."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from services.dremio.state.engine import Engine
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.jobs.history import FINAL, Job
from services.dremio.state.jobs.results import Results
from services.dremio.state.options import JOBS_OPTION
from services.dremio.state.session import Session

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 600.0


class JobRunner:
    """Gives each statement a thread; the engine's queue says when it runs."""

    def __init__(self, engine: Engine, results: Results, *, at_once: int = 64) -> None:
        self._engine = engine
        self.results = results
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="job")
        self._waiting: dict[str, Future[None]] = {}
        self._stop = threading.Event()
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def submit(self, session: Session, sql: str, query_type: str = "REST") -> Job:
        """Start a statement and return its job, which is on record then.

        Raises DremioError (RESOURCE) when it cannot be recorded, or too many wait.
        """
        limits = self._engine.core.limits
        if len(self._waiting) >= limits.at_once + limits.queue_length:
            raise DremioError(
                ErrorKind.RESOURCE,
                f"{len(self._waiting)} statements run or wait: the queue is full. Try again "
                "later, or set DREMIO_QUEUE_LENGTH",
            )
        history = self._engine.core.history
        job = history.start(session, sql, query_type, queued=True)
        try:
            history.flush()
        except DremioError as error:
            history.finish(job, error, None)
            raise
        self._waiting[job.id] = self._pool.submit(self._run, session, sql, job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job, waiting or running; one that is over stays as it is."""
        future = self._waiting.get(job.id)
        if future is not None and future.cancel():
            error = DremioError(ErrorKind.CANCELED, f"Query cancelled by user '{job.user}'")
            self._engine.core.history.finish(job, error, None)
            self._waiting.pop(job.id, None)
        elif job.state not in FINAL:
            self._engine.cancel(job.id)

    def stop(self) -> None:
        """Let running statements end, drop waiting ones."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, session: Session, sql: str, job: Job) -> None:
        try:
            self.results.spool(self._engine.execute(session, sql, job=job))
        except DremioError as error:
            _log.info("job failed", extra={"job_id": job.id, "kind": error.kind.value})
        except Exception as error:  # noqa: BLE001 - a job must always end
            _log.exception("job failed", extra={"job_id": job.id})
            self._engine.core.history.finish(job, error, None)
        finally:
            self._waiting.pop(job.id, None)

    def _sweep(self) -> None:
        while True:
            try:
                self.sweep()
            except DremioError as error:
                _log.warning("nothing swept", extra={"why": str(error)})
            if self._stop.wait(_SWEEP_SECONDS):
                return

    def sweep(self) -> None:
        """Remove results, jobs and audit events that are older than they are kept."""
        core = self._engine.core
        removed = {
            "results": self.results.sweep(),
            "jobs": core.history.sweep(int(core.options.value(JOBS_OPTION))),
            "audit_events": core.audit.sweep(core.limits.audit_days),
        }
        if any(removed.values()):
            _log.info("old records removed", extra=removed)
