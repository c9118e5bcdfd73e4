"""`python -m services.backups`: make backups when BACKUP_EVERY says so.

A time that passes while the platform is down, or while a backup is being made, is left out.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import UTC, datetime

from services.backups.making import make
from services.common import backups, logs, quartz
from services.common.errors import ConfigError
from services.common.settings import settings

log = logging.getLogger("services.backups")

# The clock may be set meanwhile: it is looked at again.
_LONGEST_WAIT = 60.0


def main() -> None:
    """Work until SIGTERM. Raises ConfigError when BACKUP_EVERY is no Quartz expression."""
    config = settings()
    logs.configure("backups", config.log_level)
    try:
        trigger = quartz.trigger(config.backup_every)
    except ValueError as error:
        raise ConfigError(f"BACKUP_EVERY: {error}") from error
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    backups.write_status(config, well=True)
    due = trigger.get_next_fire_time(None, datetime.now(UTC))
    while due is not None:
        left = (due - datetime.now(UTC)).total_seconds()
        if stopping.wait(max(0.0, min(left, _LONGEST_WAIT))):
            return
        if left <= _LONGEST_WAIT:
            make(config, stopping)
            due = trigger.get_next_fire_time(None, datetime.now(UTC))
    log.warning("BACKUP_EVERY names no time that is still to come")
    stopping.wait()


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        log.error(str(error))
        sys.exit(error.exit_code)
