"""The way of a log line: read, parsed, redacted, stored, archived, and only then checked off."""

from __future__ import annotations

import datetime
import logging
import time
from typing import Any

from services.common.errors import TransientError
from services.common.settings import Settings
from services.common.shipping import ShippingStatus, read_status, write_status
from services.shipper.archive import Archive
from services.shipper.checkpoint import Checkpoint
from services.shipper.elastic import LogStore
from services.shipper.files import Unreadable, log_files, unread
from services.shipper.grouping import Group, grouped, unfinished
from services.shipper.parse import Parser
from services.shipper.redact import Redactor, secrets_of

_BATCH = 1024 * 1024  # bytes read at once
_TOLD = 3  # failures in a row: at the platform's start the object store comes a moment later

log = logging.getLogger(__name__)


class Shipper:
    """Ships the logs in `data_dir/logs`.

    At least once, and with the same ids each time: a line is checked off after it was stored, and
    stored again under the same id when that was not saved. Nothing is buffered but one batch: while
    a store is away, the lines wait in the services' own (rotated, bounded) files.
    """

    def __init__(self, settings: Settings) -> None:
        # The supervised services' logs, and those of dbt, which runs now and then.
        self._logs = [settings.data_dir / "logs", settings.data_dir / "dbt" / "logs"]
        folder = settings.data_dir / "shipper"
        folder.mkdir(parents=True, exist_ok=True)
        self._checkpoint = Checkpoint.load(folder / "checkpoint.json")
        self._store = LogStore(settings)
        self._checkpoint.save()
        self._archive = Archive(settings, self._checkpoint, folder / "spool")
        self._redactor = Redactor(secrets_of(settings))
        self._parsers: dict[str, Parser] = {}
        self._archive_failures = 0  # in a row
        self._settings = settings
        told = read_status(settings)
        self._since = told.since if told else time.time()
        self._shipped = 0
        self._seen_half: set[str] = set()
        self._unreadable = Unreadable()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

    def step(self) -> int:
        """Ship one batch, say how far behind that is; return how many lines it had.

        Raises TransientError when the log store does not take it (nothing was checked off).
        """
        try:
            lines = self._ship()
        except TransientError:
            self._tell(self._behind())
            raise
        self._since = time.time()
        self._shipped += lines
        self._tell(self._behind() if lines else 0)  # a line begun and not ended waits for nobody
        return lines

    def _tell(self, behind: int) -> None:
        unread_since = min(self._unreadable.since.values(), default=0.0)
        status = ShippingStatus(time.time(), behind, self._since, self._shipped, unread_since)
        write_status(self._settings, status)

    def _behind(self) -> int:
        total = 0
        for _, path in log_files(self._logs):
            try:
                found = path.stat()
            except OSError:
                continue  # rotated away just now, or not ours to read
            state = self._checkpoint.files.get(str(found.st_ino))
            total += max(0, found.st_size - (state.offset if state else 0))
        return total

    def _ship(self) -> int:
        self._upload()
        if self._archive.full:
            raise TransientError("the object store has been away too long: nothing more is read")
        before = {s.generation for s in self._checkpoint.files.values()}
        lines = list(unread(self._logs, self._checkpoint, _BATCH, self._unreadable))
        if {s.generation for s in self._checkpoint.files.values()} != before:
            self._checkpoint.save()  # a file's generation must be known before its lines are sent
        if not lines:
            return 0
        groups = list(grouped(lines))
        # A traceback that is being written is left for the next look; then it is taken as it is.
        half = unfinished(groups)
        groups = [g for g in groups if g.lines[0].id not in half - self._seen_half]
        self._seen_half = half
        lines = [line for group in groups for line in group.lines]
        if not lines:
            return 0
        documents = [self._document(group) for group in groups]
        # dbt parts its lines with empty ones, which say nothing by themselves.
        documents = [each for each in documents if each[2]["message"].strip()]
        if documents:
            self._store.send(documents)
            self._archive.add(documents)
        for line in lines:
            self._checkpoint.files[line.inode].offset = line.end
        self._checkpoint.save()
        return len(lines)

    def finish(self) -> None:
        """Upload what waits (used by tests and before a backup)."""
        self._archive.upload(everything=True)

    def _document(self, group: Group) -> tuple[str, str, dict[str, Any]]:
        line = group.lines[0]
        parser = self._parsers.setdefault(line.inode, Parser(line.service))
        now = datetime.datetime.now(datetime.UTC)
        record = parser.parse_group(group.text, now, traceback=group.traceback)
        record = self._redactor.value(record)
        day = record["timestamp"][:10].replace("-", ".")
        return f"{record['service']}-logs-{day}", line.id, record

    def _upload(self) -> None:
        try:
            self._archive.upload()
            if self._archive_failures >= _TOLD:
                log.info("the object store takes logs again")
            self._archive_failures = 0
        except TransientError as error:
            self._archive_failures += 1
            if self._archive_failures == _TOLD:
                log.warning("%s; it is tried again", error)
