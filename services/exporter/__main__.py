"""`python -m services.exporter`: serve metrics, and watch them where no Prometheus does."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from services.common import debian, logs
from services.common.errors import LakeletError
from services.common.settings import settings
from services.exporter.metrics import Metrics
from services.exporter.server import Server
from services.exporter.watch import Watch

log = logging.getLogger("services.exporter")


def main() -> None:
    """Serve until SIGTERM."""
    config = settings()
    logs.configure("exporter", config.log_level)
    metrics = Metrics(config)
    # The vendors' runtime has a Prometheus of its own.
    watched = config.exporter_reads == "vendors" or debian.runs_prometheus(config)
    watch = None if watched else Watch(config, metrics)
    registry = CollectorRegistry()
    for own in (ProcessCollector, PlatformCollector, GCCollector):
        own(registry=registry)
    registry.register(metrics)
    server = Server(config, registry, watch)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    metrics.start()
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    log.info("serving on %s", config.exporter_url)
    if watch is None:
        stopping.wait()
    else:
        watch.run(stopping)
    server.shutdown()
    metrics.close()


if __name__ == "__main__":
    try:
        main()
    except LakeletError as error:
        log.error(str(error))
        sys.exit(error.exit_code)
