"""The WSGI application gunicorn loads: Superset, with its database prepared first.

Preparing in the worker itself saves a second import of Superset (4 s of a first start).
Importing goes on while PostgreSQL may still be starting; only then is it waited for.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import time
from contextlib import redirect_stdout

gc.disable()  # importing makes a million objects that stay: collecting meanwhile costs 0.5 s

import psycopg2  # noqa: E402
from superset.app import create_app  # noqa: E402

from services.common.metrics import RequestMetrics  # noqa: E402
from services.superset import prepare  # noqa: E402

log = logging.getLogger("lakelet.superset")


def _wait_for_database(dsn: str) -> None:
    """Return once `dsn` answers; says after three seconds, then every ten, that it does not."""
    pause, said = 0.05, time.monotonic() - 7
    while True:
        try:
            psycopg2.connect(dsn, connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            if time.monotonic() - said > 10:
                said = time.monotonic()
                log.warning("waiting for PostgreSQL: %s", str(error).strip())
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        else:
            return


_wait_for_database(os.environ["LAKELET_DATABASE_URI"])
with redirect_stdout(io.StringIO()):  # it prints where its configuration is; the log is JSON
    application = create_app()
prepare.prepare(application)
application.wsgi_app = RequestMetrics("superset", uncounted=["/health"]).wsgi(application.wsgi_app)
gc.collect()
gc.freeze()
gc.enable()
log.info("Superset is ready")
