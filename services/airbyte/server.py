"""The server: its parts, and how they start, wait for the database, and stop."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import threading
import time

import psycopg
import uvicorn

from services.airbyte.definitions.local import LocalConnectors, platform_file
from services.airbyte.definitions.registry import Definition, registry
from services.airbyte.handlers import connections
from services.airbyte.handlers.context import Context
from services.airbyte.handlers.definitions import specification
from services.airbyte.jobs.pool import WorkerPool
from services.airbyte.jobs.schedule import Schedule
from services.airbyte.state import actors, database
from services.airbyte.state import definitions as custom_definitions
from services.airbyte.state.secrets import Vault
from services.airbyte.wire.app import HEALTH_PATHS, build
from services.airbyte.wire.auth import Gate
from services.common.metrics import RequestMetrics
from services.common.settings import Settings

log = logging.getLogger(__name__)


class Server:
    """Everything that runs in the server's process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dsn = settings.postgres_dsn("airbyte")
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._pool = database.open_pool(self._dsn)
        self._workers = WorkerPool(self._pool, size=max(2, os.cpu_count() or 2))
        vault = Vault(settings.encryption_key.get_secret_value())
        self._context = Context(
            db=self._pool,
            vault=vault,
            registry=registry().with_custom(self._custom),
            workers=self._workers,
            folder=settings.data_dir / "airbyte",
            reschedule=lambda identity: self._schedule.refresh(identity),
            ready=self.ready,
            started=self._ready.is_set,
        )
        self._local = LocalConnectors(
            lambda: platform_file(settings),
            self._pool,
            lambda launch: specification(self._context, launch),
        )
        self._schedule = Schedule(
            self._pool, lambda identity: connections.trigger(self._context, identity, "sync")
        )
        metrics = RequestMetrics("airbyte", uncounted=HEALTH_PATHS)
        self._app = metrics.asgi(build(self._context, Gate(settings, vault)))
        self._leader: psycopg.Connection[psycopg.rows.DictRow] | None = None

    def _custom(self) -> list[Definition]:
        with self._pool.connection() as db:
            return custom_definitions.listing(db)

    def ready(self) -> bool:
        """Whether jobs can be taken: the database answers and is ours."""
        if not self._ready.is_set():
            return False
        try:
            with self._pool.connection(timeout=2) as db:
                db.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        sockets = [self._listen(port) for port in self._ports()]
        self._context.folder.mkdir(parents=True, exist_ok=True)
        # Workers that were killed could not tidy up.
        shutil.rmtree(self._context.folder / "spill", ignore_errors=True)
        self._workers.warm_up()
        threading.Thread(target=self._prepare, name="prepare", daemon=True).start()
        server = uvicorn.Server(
            uvicorn.Config(
                self._app, log_config=None, access_log=False, timeout_graceful_shutdown=5
            )
        )
        # uvicorn raises the signal that ended it once more: it must not end us before our own end.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        try:
            asyncio.run(server.serve(sockets=sockets))
        finally:
            self._stopped.set()
            self._schedule.stop()
            self._workers.stop()
            self._pool.close(timeout=2)
            log.info("stopped")

    def _ports(self) -> list[int]:
        wanted = self._settings
        return sorted({wanted.airbyte_port, wanted.airbyte_config_port, wanted.airbyte_public_port})

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._settings.bind_address, port))
        listener.listen(256)
        log.info("listening on %s:%s", self._settings.bind_address, port)
        return listener

    def _prepare(self) -> None:
        """Wait for the database, become its one server, then take jobs."""
        told = ""
        while not self._stopped.is_set():
            try:
                self._lead()
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
                if str(error) != told:
                    told = str(error)
                    log.warning("waiting for the database: %s", told.strip())
                time.sleep(0.5)
        else:
            return
        self._ready.set()
        log.info("ready")

    def _lead(self) -> None:
        database.prepare(self._dsn)
        if self._leader is None or self._leader.closed:
            self._leader = database.connect(self._dsn)
            self._leader.execute("SELECT pg_advisory_lock(%s)", (database.LEADER_LOCK,))
        with self._pool.connection() as db:
            actors.ensure_workspace(db)
        self._workers.start()
        self._schedule.start()
        threading.Thread(target=self._read_local, name="local", daemon=True).start()

    def _read_local(self) -> None:
        """Look at the connectors in lakelet.yml, now and whenever the file has changed."""
        while not self._stopped.wait(1.0):
            try:
                self._local.refresh()
            except psycopg.Error as error:
                log.warning("the connectors of lakelet.yml wait for the database: %s", error)
