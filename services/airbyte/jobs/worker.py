"""What runs in a job's own process. Preloaded by the fork server: it must open nothing itself."""

from __future__ import annotations

import ctypes
import os
import resource
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import pyiceberg.catalog.rest
import pyiceberg.io.pyarrow

from services.airbyte.cdk.changes import name_of
from services.airbyte.cdk.failures import ConnectorError, config_error, describe
from services.airbyte.cdk.source import Environment
from services.airbyte.definitions.registry import registry
from services.airbyte.destination.catalog import LakeConfig, explain, open_catalog
from services.airbyte.destination.schema import number_rows
from services.airbyte.jobs import deadline, lanes, replay, schema_changes, whole_states
from services.airbyte.jobs.attempt_log import AttemptLog
from services.airbyte.jobs.dead_letters import DeadLetters, Shelf
from services.airbyte.jobs.outcome import finish
from services.airbyte.jobs.progress import Progress
from services.airbyte.jobs.sync import StreamFailedError, Sync
from services.airbyte.sources import source
from services.airbyte.sources.file import source as _file
from services.airbyte.sources.postgres import source as _postgres
from services.airbyte.sources.protocol.commands import sweep
from services.airbyte.sources.protocol.source import ProtocolSource
from services.airbyte.state import actors, connections, database, definitions, jobs
from services.airbyte.state.records import Connection
from services.airbyte.state.redaction import Redactor
from services.airbyte.state.secrets import Vault, secrets_in
from services.common import logs
from services.common.settings import Settings, settings

# Imported for the fork server, so that no job has to wait for them.
_PRELOADED = (pyiceberg.catalog.rest, pyiceberg.io.pyarrow, _file, _postgres)
_PR_SET_PDEATHSIG = 1
# Where DuckDB spills to; emptied when the server starts.
SPILL = "spill"

Json = dict[str, Any]


def _begin() -> None:
    """Tie this process to the fork server, which ends when the server does."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    # The fork server ends when no one holds this pipe any more; it gave us its end, too.
    pipe = getattr(forkserver._forkserver, "_forkserver_alive_fd", None)
    if pipe is not None:
        os.close(pipe)
        setattr(forkserver._forkserver, "_forkserver_alive_fd", None)  # noqa: B010
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logs.configure("airbyte", settings().log_level)
    sweep(folder(settings()))


def folder(where: Settings) -> Path:
    """Return the server's data folder."""
    return where.data_dir / "airbyte"


def environment(
    where: Settings,
    log: Any,
    letters: DeadLetters,
    config_changed: Callable[[Json], None] = lambda _: None,
) -> Environment:
    """Return what sources may use."""
    inbox = where.inbox_dir
    inbox.mkdir(parents=True, exist_ok=True)

    def write(message: str, level: str = "INFO") -> None:
        log(message, source="source", level=level)

    def keep(stream: str, records: Sequence[Json]) -> str:
        address = letters.keep(stream, records)
        command = f"lakelet dead-letters %s {shlex.quote(address)}"
        write(
            f"{len(records)} records were refused and are kept in {address}: `{command % 'show'}`"
            f" tells why; `{command % 'replay'}` reads them again, with `--with FILE` as corrected",
            "WARNING",
        )
        return address

    return Environment(
        inbox=inbox,
        s3_endpoint=where.s3_endpoint,
        s3_key="airbyte",
        s3_secret=where.airbyte_s3_secret_key.get_secret_value(),
        log=write,
        dead_letters=keep,
        folder=folder(where),
        silence=where.connector_silence_seconds,
        config_changed=config_changed,
    )


def run_attempt(job_id: int, attempt: int) -> None:
    """Run an attempt and store how it ended."""
    _begin()
    where = settings()
    db = database.connect(where.postgres_dsn("airbyte"))
    job = jobs.get(db, job_id)
    log = AttemptLog(folder(where), job_id, attempt, str(job.connection_id))
    began = time.monotonic()
    log.write(f"attempt {attempt} of job {job_id} ({job.config_type}) begins")
    failures: list[Json] = []
    try:
        _work(where, db, job, attempt, log)
    except StreamFailedError as error:
        cause = error.__cause__ or error
        failures = [describe(cause, stream=error.stream.descriptor)]
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the job's answer
        failures = [describe(error)]
    failures = log.redactor.all(failures)
    for failure in failures:
        log.write(failure["externalMessage"], level="ERROR", source=failure["failureOrigin"])
    status = finish(db, job_id, attempt, failures)
    totals = jobs.get(db, job_id).attempts[attempt]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts KiB
    log.write(
        f"attempt {attempt} of job {job_id} ends after {time.monotonic() - began:.2f} s:"
        f" job {status or 'was ended by the server'}; peak memory {peak >> 20} MiB",
        peak_memory_bytes=peak,
        records_synced=totals.total("recordsCommitted"),
        bytes_synced=totals.total("bytesCommitted"),
    )


def _work(where: Settings, db: database.Db, job: Any, attempt: int, log: AttemptLog) -> None:
    connection = connections.get(db, job.connection_id)
    vault = Vault(where.encryption_key.get_secret_value())
    from_actor = actors.get(db, "source", connection.source_id)
    to_actor = actors.get(db, "destination", connection.destination_id)
    lake = LakeConfig.parse(vault.open(to_actor.configuration))
    spill = folder(where) / SPILL / str(os.getpid())
    limit = connection.options.get("maxRefusedRecords")
    limit = where.max_refused_records if limit is None else int(limit)
    letters = DeadLetters(where, job.id, attempt, str(connection.id), limit)
    known = registry().with_custom(lambda: definitions.listing(db))
    definition = known.get("source", from_actor.definition_id)

    source_config = vault.open(from_actor.configuration)
    target = known.get("destination", to_actor.definition_id)
    hidden = secrets_in(source_config, definition.spec)
    hidden |= secrets_in(vault.open(to_actor.configuration), target.spec)
    log.redactor = Redactor(hidden)

    def store_config(config: Json) -> None:
        """Keep what the connector has changed, such as a new refresh token."""
        hidden.update(secrets_in(config, definition.spec))
        log.redactor = Redactor(hidden)
        sealed = vault.seal(config, definition.spec, from_actor.configuration)
        actors.update(db, from_actor, from_actor.name, sealed)
        # What comes after it needs the new one: a refresh token is often good for one time only.
        source_config.clear()
        source_config.update(config)

    chosen = source(definition.connector)
    env = environment(where, log.write, letters, store_config)
    # The engine, the catalog and the source wait for other things: they are opened side by side.
    with ThreadPoolExecutor(2) as openers:
        engine = openers.submit(lanes.open_engine, spill, lake, lanes.MEMORY_MB)
        lake_catalog = openers.submit(open_catalog, lake)
        if job.config_type in ("sync", "refresh") and "replay" not in job.config:
            connection = schema_changes.take(
                db, connection, from_actor, chosen, source_config, env, log.write, job.id
            )
        duck = engine.result()
        try:
            catalog = lake_catalog.result()
        except ConnectorError:
            raise
        except Exception as error:
            raise explain(error, lake) from error
    whole, connection = connection, _only(connection, job.config.get("streams"))
    number_rows(duck)  # before any transaction, so that its progress can be seen
    dsn = where.postgres_dsn("airbyte")
    progress = Progress(duck, lambda: database.connect(dsn), job.id, attempt)
    timer = deadline.arm(
        lambda: database.connect(dsn),
        log.write,
        job.id,
        attempt,
        deadline.seconds_of(connection, where.sync_timeout_seconds),
    )
    sync = Sync(
        db=db,
        job_id=job.id,
        attempt=attempt,
        connection=connection,
        source=chosen,
        source_config=source_config,
        lake=lake,
        catalog=catalog,
        duck=duck,
        env=env,
        log=log,
        progress=progress,
        letters=letters,
        continuous=bool(job.config.get("continuous")),
        lanes=lanes.Lanes(
            where.sync_parallel_streams,
            lambda: database.connect(dsn),
            lake,
            spill,
            job.id,
            attempt,
        ),
    )
    try:
        if job.config_type in ("reset_connection", "clear"):
            sync.clear()
        elif "replay" in job.config:
            replay.run(sync, Shelf(where, job.config["replay"], job.config.get("corrected")))
        else:
            if job.config_type == "refresh":
                together = bool(whole_states.known(db, connection.id))
                sync.begin_anew(truncate=job.config["refreshMode"] == "Truncate")
                if together or _reads_log(chosen, source_config):  # its streams are read together
                    sync.connection = whole
            sync.run()
            sync.look_after()
    finally:
        timer.cancel()
        progress.close()


def _reads_log(chosen: Any, source_config: Json) -> bool:
    return hasattr(chosen, "reads_log") and bool(chosen.reads_log(source_config))


def _only(connection: Connection, streams: list[Json] | None) -> Connection:
    """Return the connection with no other than the named streams; all when None."""
    if not streams:
        return connection
    wanted = {(one.get("namespace") or "", one["name"]) for one in streams}
    entries = [e for e in connection.catalog["streams"] if name_of(e) in wanted]
    return replace(connection, catalog={**connection.catalog, "streams": entries})


def run_call(pipe: Pipe, operation: str, kind: str, connector: str, config: Json) -> None:
    """Answer spec, check or discover through `pipe`: `{"result": …}` or `{"failure": …}`."""
    _begin()
    where = settings()
    lines: list[str] = []

    def note(message: str, **_: Any) -> None:
        lines.append(message)

    answer: Json
    changed: Json = {}
    try:
        letters = DeadLetters(where, 0, 0, "", where.max_refused_records)
        env = environment(where, note, letters, lambda new: changed.update(config=new))
        answer = {"result": _call(operation, kind, connector, config, env)}
    except Exception as error:  # noqa: BLE001 - goes into the answer
        origin: Any = "source" if kind == "source" else "destination"
        answer = {"failure": describe(error, origin=origin)}
    pipe.send({**answer, **changed, "lines": lines})
    pipe.close()


def _call(operation: str, kind: str, connector: str, config: Json, env: Environment) -> Any:
    if kind == "destination":
        lake = LakeConfig.parse(config)
        try:
            catalog = open_catalog(lake)
            catalog.list_namespaces()
        except ConnectorError:
            raise
        except Exception as error:
            raise explain(error, lake) from error
        return None
    chosen = source(connector)
    if operation == "spec" and isinstance(chosen, ProtocolSource):
        return chosen.spec(env)
    if operation == "check":
        return chosen.check(config, env)
    if operation == "discover":
        return {"streams": [stream.as_json() for stream in chosen.discover(config, env)]}
    raise config_error(f"unknown operation {operation}", at="airbyte_platform")
