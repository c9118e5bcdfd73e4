"""Runs the engine: Dremio's REST API and Arrow Flight in one process."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import psycopg
import uvicorn

from services.common import logs
from services.common.errors import LakeletError
from services.common.metrics import RequestMetrics
from services.common.settings import Settings, settings
from services.dremio.state.engine import Engine
from services.dremio.state.jobs.results import Results
from services.dremio.state.jobs.runner import JobRunner
from services.dremio.state.start import start_engine
from services.dremio.wire.rest.app import create_app

_log = logging.getLogger("services.dremio")


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    chosen = settings()
    logs.configure("dremio", chosen.log_level)
    # DuckDB's Iceberg writer makes an empty folder `data` in the working folder, even for S3.
    folder = chosen.data_dir / "dremio"
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    try:
        engine = start_engine(chosen, stop)
    except psycopg.OperationalError:
        return 0  # asked to stop before PostgreSQL answered
    serve(chosen, engine, stop)
    return 0


def serve(chosen: Settings, engine: Engine, stop: threading.Event) -> None:
    """Serve both protocols until `stop` is set."""
    runner = JobRunner(engine, Results(chosen.data_dir / "dremio" / "results"))
    flight = _flight(chosen, engine)
    config = uvicorn.Config(
        RequestMetrics("dremio", uncounted=["/apiv2/server_status"]).asgi(
            create_app(engine, runner)
        ),
        host=chosen.bind_address,
        port=chosen.dremio_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, name="rest", daemon=True)
    thread.start()
    _log.info("serving", extra={"rest": chosen.dremio_url, "flight": chosen.flight_uri})
    while not stop.wait(0.5):
        if not thread.is_alive():
            raise SystemExit(69)  # the port is taken; uvicorn has said so
    server.should_exit = True
    runner.stop()
    if flight is not None:
        flight.shutdown()
    thread.join(10)
    engine.core.reflections.stop()
    engine.core.history.close()
    engine.core.audit.close()
    engine.core.database.close()
    engine.core.pool.close()


def _flight(chosen: Settings, engine: Engine) -> Any:
    try:
        module = importlib.import_module("services.dremio.wire.flight")
    except ImportError:
        return None
    pair = None
    if chosen.dremio_flight_tls == "on":
        names = tuple({"localhost", "127.0.0.1", chosen.dremio_host, chosen.bind_address})
        pair = module.certificate(chosen.flight_certificate.parent, names)
    return module.create_flight_server(engine, engine.core.users, chosen.flight_uri, pair)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LakeletError as error:
        _log.error(str(error))
        sys.exit(error.exit_code)
