"""Structured logs: one JSON object a line on standard output, kept and rotated by the supervisor.

Standard library only: Superset's own environment uses it as well.

Field names are those of the log index: timestamp, level, service, logger, message, and what the
caller passes as `extra=` (job_id, connection_id, correlation_id, records_synced, bytes_synced).
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_STANDARD |= {"color_message"}  # uvicorn's own message again, for terminals


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; `service` says whose it is."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        entry: dict[str, Any] = {
            "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False, separators=(",", ":"))


def configure(service: str, level: str = "INFO") -> None:
    """Send every log record of this process to standard output as JSON lines of `service`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # One line per HTTP request or scheduler tick says nothing that the callers' own lines don't.
    for chatty in ("httpx", "httpcore", "apscheduler", "urllib3", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
