"""The query engine's front: every protocol runs statements through `Engine`."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from services.dremio.sql import statements as s
from services.dremio.sql.access import statements as a
from services.dremio.sql.access.policies import SetPolicy
from services.dremio.sql.parse import parse
from services.dremio.sql.reflections import statements as r
from services.dremio.state.access import needs
from services.dremio.state.audit import Event, kind_of, outcome_of
from services.dremio.state.core import Core
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute import (
    access,
    alter,
    analyze,
    containers,
    copy_into,
    create_table,
    drop,
    functions,
    history_changes,
    modify,
    optimize,
    policies,
    reflections,
    show,
    vacuum,
    views,
)
from services.dremio.state.execute.explain import EXPLAIN_SCHEMA, explain
from services.dremio.state.execute.planned import Planned
from services.dremio.state.execute.run import OK_SCHEMA, RECORDS_SCHEMA, Result, Run
from services.dremio.state.execute.select import plan, select, select_again, select_planned
from services.dremio.state.execution import Execution
from services.dremio.state.jobs.history import Job
from services.dremio.state.session import TIMEOUT_OPTION, Session

# How long a statement that was cancelled is interrupted again and again.
_INTERRUPT_SECONDS = 60.0

_HANDLERS: dict[type[s.Statement], Callable[[Run, Any], Result]] = {
    s.Query: select,
    s.Explain: explain,
    s.CreateView: views.create_view,
    s.CreateTable: create_table.create_table,
    s.CreateContainer: containers.create_container,
    s.Drop: drop.drop,
    s.Modify: modify.modify,
    s.Truncate: modify.truncate,
    s.AlterColumns: alter.alter_columns,
    s.AlterMetadata: alter.alter_metadata,
    s.RefreshStatus: alter.refresh_status,
    s.CreateFunction: functions.create_function,
    s.DropFunction: functions.drop_function,
    s.DescribeFunction: functions.describe_function,
    s.ShowFunctions: functions.show_functions,
    s.CopyInto: copy_into.copy_into,
    s.Optimize: optimize.optimize,
    s.Vacuum: vacuum.vacuum,
    s.Analyze: analyze.analyze,
    s.Rollback: history_changes.rollback,
    s.TableProperties: history_changes.table_properties,
    s.AlterLayout: history_changes.alter_layout,
    s.Use: alter.use,
    s.SetOption: alter.set_option,
    r.CreateReflection: reflections.create,
    r.DropReflection: reflections.drop,
    r.SetAcceleration: reflections.set_acceleration,
    r.RefreshReflections: reflections.refresh,
    r.AlterReflection: reflections.alter,
    r.Ignored: reflections.ignored,
    a.Grant: access.grant,
    a.GrantRole: access.grant_role,
    a.CreateUser: access.create_user,
    a.AlterUser: access.alter_user,
    a.DropUser: access.drop_user,
    a.CreateRole: access.create_role,
    a.DropRole: access.drop_role,
    SetPolicy: policies.set_policy,
    s.Show: show.show,
    s.Describe: show.describe,
}


class Engine:
    """Runs Dremio's SQL. One per process; safe to use from many threads."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._running: dict[str, Run] = {}
        self._lock = threading.Lock()

    def execute(
        self,
        session: Session,
        sql: str,
        *,
        job_id: str | None = None,
        query_type: str = "FLIGHT",
        job: Job | None = None,
        rows: pa.Table | None = None,
        planned: Planned | None = None,
    ) -> Execution:
        """Run one statement and hand back its running result.

        Returns as soon as the schema is known; rows come as `Execution.batches` is read. DDL
        and DML are done when this returns. The statement is a job from the start: give `job`
        when it was recorded before. `rows` are what the statement calls `PROVIDED`; `planned` is
        what `plan` gave for it, used while it holds. Raises DremioError.
        """
        job = job or self.core.history.start(session, sql, query_type, job_id)
        run = Run(self.core, session, self.core.database.cursor(), job_id=job.id, text=sql)
        run.provided = rows
        self._running[job.id] = run
        statement: s.Statement | None = None
        within: list[threading.Timer] = []
        inside = False

        def finish(error: BaseException | None) -> None:
            for timer in within:
                timer.cancel()
            if inside:
                self.core.slots.leave()
            self._running.pop(job.id, None)
            if isinstance(statement, s.Query) and not run.profile.cached and error is None:
                run.profile.read_plan(run.cursor)
                self.core.cache.took(run, run.profile.executing)
            run.cursor.close()
            self.core.reflections.record(job.id, run.acceleration)
            if isinstance(error, GeneratorExit):
                error = DremioError(ErrorKind.CANCELED, "The client stopped reading")
            job.profile = run.profile.json()
            self._audit(run, job, statement, error)
            session.last_query_id = job.id
            # Last: whoever sees that the job is over may ask at once for all that it left.
            self.core.history.finish(job, error, run.profile.rows)

        try:
            self._let_in(run, job)
            inside = True
            within += self._deadline(run)
            result = select_again(run)
            if result is None and planned is not None:
                result = select_planned(run, planned)
                statement = s.Query(planned.resolved) if result is not None else None
            if result is not None:
                job.statement = s.Query.__name__
            else:
                statement = parse(sql)
                job.statement = type(statement).__name__
                result = self._begin(run, statement)
            run.profile.handled()
            schema, batches = result
        except BaseException as error:
            final = error if isinstance(error, DremioError) else _unexpected(error, run)
            final = _told(final, run)
            finish(final)
            raise final from error

        def counting() -> Iterator[pa.RecordBatch]:
            try:
                yield from run.profile.streamed(batches)
            except DremioError as error:
                raise _told(error, run) from None

        return Execution(
            job_id=job.id,
            schema=schema,
            batches=counting(),
            statement=job.statement,
            _on_close=finish,
            _on_cancel=lambda: self.cancel(job.id),
        )

    def _let_in(self, run: Run, job: Job) -> None:
        """Wait for a place in the queue. Raises DremioError (RESOURCE, CANCELED)."""
        waits = self.core.history.queued
        run.profile.queued = self.core.slots.enter(run.cancelled, lambda: waits(job))
        self.core.history.running(job)

    def _deadline(self, run: Run) -> list[threading.Timer]:
        """Return the timer that stops the statement, none when it may run for ever."""
        seconds = float(self.core.options.value(TIMEOUT_OPTION))
        own = run.session.options.get(TIMEOUT_OPTION)
        if own is not None:
            seconds = min(float(own), seconds or float(own))
        if not seconds:
            return []

        def stop() -> None:
            run.stopped = f"Query was canceled: it ran longer than {seconds:g} s"
            self.cancel(run.job_id)

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        return [timer]

    def _audit(
        self, run: Run, job: Job, statement: s.Statement | None, error: BaseException | None
    ) -> None:
        changed = getattr(statement, "path", ())
        paths = [*([changed] if changed and not isinstance(statement, s.Query) else []), *run.reads]
        self.core.audit.record(
            Event(
                user=job.user,
                kind=kind_of(statement),
                action=job.sql,
                objects=tuple(dict.fromkeys(".".join(path) for path in paths)),
                outcome=outcome_of(error),
                error=str(error) if error is not None else None,
                job_id=job.id,
                client=job.query_type,
            )
        )

    def _begin(self, run: Run, statement: s.Statement) -> Result:
        if isinstance(statement, s.Query):
            return select(run, statement)
        run.text = ""
        self.core.history.flush()  # what changes something is on record before it does
        needs.check(run, statement)
        made = needs.made(run, statement)
        result = _HANDLERS[type(statement)](run, statement)
        if made is not None:
            self.core.access.created(made, run.session.user)
        self.core.reflections.committed()
        return result

    def cancel(self, job_id: str) -> bool:
        """Stop a running statement; False when it is not running."""
        run = self._running.get(job_id)
        if run is None:
            return False
        run.cancelled.set()
        run.cursor.interrupt()
        # A query that was just about to start has missed it.
        threading.Thread(target=self._interrupt, args=(run,), name="cancel", daemon=True).start()
        return True

    def _interrupt(self, run: Run) -> None:
        deadline = time.monotonic() + _INTERRUPT_SECONDS
        while run.job_id in self._running and time.monotonic() < deadline:
            with contextlib.suppress(duckdb.Error):
                run.cursor.interrupt()
            time.sleep(0.05)

    def describe(self, session: Session, sql: str) -> pa.Schema:
        """Return the schema the statement's result would have; nothing is run.

        DDL answers Dremio's `ok BOOLEAN, summary VARCHAR`. Raises DremioError.
        """
        return self.plan(session, sql)[0]

    def plan(self, session: Session, sql: str) -> tuple[pa.Schema, Planned | None]:
        """Return the schema as `describe`, and of a query what `execute` may start from."""
        run = Run(self.core, session, self.core.database.cursor(), text=sql)
        try:
            kept = self.core.reflections.plans.find(run)
            if kept is not None:
                return kept.schema, None
            statement = parse(sql)
            needs.check(run, statement)
            if isinstance(statement, s.Query):
                return plan(run, statement)
            return _schema(run, statement), None
        finally:
            run.cursor.close()


def _schema(run: Run, statement: s.Statement) -> pa.Schema:
    """Return what a statement that is no query answers."""
    if isinstance(statement, s.Modify):
        run.path_of(statement.path)
        return RECORDS_SCHEMA
    if isinstance(statement, s.CreateTable) and statement.query is not None:
        run.plan(statement.query)
        return create_table.WRITER_SCHEMA
    if isinstance(statement, s.CreateView):
        run.plan(statement.query)
        return OK_SCHEMA
    if isinstance(statement, s.Vacuum):
        return vacuum.vacuum_schema(statement)
    if isinstance(statement, s.Show):
        return show.show_schema(statement)
    return _SCHEMAS.get(type(statement), OK_SCHEMA)


_SCHEMAS: dict[type[s.Statement], pa.Schema] = {
    s.Explain: EXPLAIN_SCHEMA,
    s.Describe: show.DESCRIBE_SCHEMA,
    s.DescribeFunction: functions.DESCRIBE_SCHEMA,
    s.ShowFunctions: functions.SHOW_SCHEMA,
    s.CopyInto: copy_into.COPY_SCHEMA,
    s.Optimize: optimize.OPTIMIZE_SCHEMA,
}


# Errors that name a value they met.
_TELLING = (ErrorKind.FUNCTION, ErrorKind.DATA_READ, ErrorKind.SYSTEM)


def _told(error: DremioError, run: Run) -> DremioError:
    """Return the error as the user is told: why it was stopped, nothing of what is hidden."""
    if run.stopped and error.kind is ErrorKind.CANCELED:
        return DremioError(error.kind, run.stopped)
    if not run.guarded or error.kind not in _TELLING:
        return error
    return DremioError(
        error.kind, "The query failed on a value; policies of what it reads keep it from being told"
    )


def _unexpected(error: BaseException, run: Run) -> DremioError:
    if isinstance(error, duckdb.Error | pa.ArrowException):
        return translate(error)
    if run.cancelled.is_set():
        return DremioError(ErrorKind.CANCELED, "Query was canceled")
    if isinstance(error, RecursionError):
        return DremioError(ErrorKind.VALIDATION, "The statement is nested too deeply")
    return DremioError(ErrorKind.SYSTEM, f"{type(error).__name__}: {error}")
