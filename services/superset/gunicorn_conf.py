"""Gunicorn's settings: one worker with threads, JSON logs, nothing written to the home folder."""

from __future__ import annotations

import os
from typing import Any

from services.common.children import die_with_parent

bind = os.environ["LAKELET_BIND"]
workers = 1
worker_class = "gthread"
threads = 8
# The first start migrates the database before it serves; a worker that says nothing for
# this long is taken for dead.
timeout = 180
graceful_timeout = 10
keepalive = 15
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112
proc_name = "lakelet-superset"

logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "services.common.logs.JsonFormatter", "service": "superset"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
        }
    },
    "root": {"level": os.environ["LAKELET_LOG_LEVEL"], "handlers": ["stdout"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
        "gunicorn.access": {"level": "WARNING", "propagate": True, "handlers": []},
    },
}


def post_fork(server: Any, worker: Any) -> None:
    """Let the kernel end the worker with its master: an orphan would keep the port."""
    die_with_parent()
