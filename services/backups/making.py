"""One backup, made by `lakelet backup` in a process of its own.

It stops what writes and starts it again. It is not ended with this process when that is killed:
a platform half of which stands still would be left. Asked to end, this ends it as well.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading

from services.common import backups
from services.common.settings import CHECKOUT, Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2


def make(settings: Settings, stopping: threading.Event) -> None:
    """Make a backup and remove those that are too many; tell how it went."""
    place = settings.backup_to or str(settings.lakelet_home / "backups")
    command = [sys.executable, "-m", "bootstrap", "backup", place]
    command += ["--keep", str(settings.backup_keep), "--json"]
    # The command waits until what it started again is well: this service, too.
    backups.write_status(settings, well=True)
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as words:
        child = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=words,
            start_new_session=True,
        )
        while child.poll() is None:
            if stopping.wait(_LOOK_SECONDS):
                child.terminate()
                child.wait()
                return
        told.seek(0)
        words.seek(0)
        if child.returncode == 0:
            made = json.loads(told.read())
            log.info("backup %s made in %s", made["id"], place, extra={"bytes": made["new_bytes"]})
        else:
            log.error("no backup was made in %s: %s", place, words.read().strip()[-2000:])
    backups.write_status(settings, well=child.returncode == 0)
