"""An attempt's log: a file of JSON lines, shown in jobs/get and sent to standard output."""

from __future__ import annotations

import datetime
import logging
import shutil
from pathlib import Path
from typing import Any

import orjson

from services.airbyte.state.redaction import Redactor

log = logging.getLogger("services.airbyte.job")

# Characters of a source's own lines that are kept: there are some that repeat one without an end.
_MOST = 32 << 20


def path(folder: Path, job_id: int, attempt: int) -> Path:
    """Return where the log of an attempt lies."""
    return folder / "logs" / str(job_id) / f"{attempt}.jsonl"


class AttemptLog:
    """Writes an attempt's lines; a line is on disk when `write` returns.

    What `redactor` knows to be secret is left out, as soon as it is set; of what the source says
    the first 32 MB are kept.
    """

    redactor = Redactor()
    _said = 0

    def __init__(self, folder: Path, job_id: int, attempt: int, connection_id: str) -> None:
        target = path(folder, job_id, attempt)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = target.open("ab", buffering=0)
        self._fields = {
            "job_id": job_id,
            "attempt": attempt,
            "connection_id": connection_id,
            "correlation_id": f"{job_id}-{attempt}",
        }

    def write(
        self, message: str, *, source: str = "platform", level: str = "INFO", **fields: Any
    ) -> None:
        """Write a line; `source` is platform, source or destination, `fields` are counters."""
        message = self.redactor.text(message)
        if source == "source":
            if self._said > _MOST:
                return
            self._said += len(message)
            if self._said > _MOST:
                message = f"the source has said {_MOST >> 20} MB: the rest of its log is left out"
        now = datetime.datetime.now(datetime.UTC)
        entry = {"timestamp": now.isoformat(timespec="milliseconds"), "level": level}
        line = {**entry, "source": source, "message": message, **self._fields}
        self._file.write(orjson.dumps(line) + b"\n")
        log.log(
            logging.getLevelNamesMapping().get(level, logging.INFO),
            message,
            extra={**self._fields, "log_source": source, **fields},
        )


def lines(folder: Path, job_id: int, attempt: int) -> list[str]:
    """Return an attempt's lines as Airbyte formats them: `2026-01-31 12:00:00 source > text`."""
    try:
        raw = path(folder, job_id, attempt).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    result = []
    for line in raw:
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:  # the writer was killed in the middle of the line
            continue
        when = entry["timestamp"][:19].replace("T", " ")
        result.append(f"{when} {entry['source']} > {entry['level']} {entry['message']}")
    return result


def forget(folder: Path, job_id: int) -> None:
    """Remove a job's logs."""
    shutil.rmtree(folder / "logs" / str(job_id), ignore_errors=True)
