"""`python logged.py FILE COMMAND…`: run a command; its output also goes to a rotated file.

What supervisord does for the embedded services, for one service in a container: the file lies in
a volume that the log shipper reads, standard output stays the engine's. Signals are passed on, the
exit status is the command's. Standard library only: images that hold no package of ours run it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

LARGEST = 10_000_000  # bytes, as the supervisor's
KEPT = 5
_LAST_WORDS = 5.0  # seconds; a process that outlives the command may hold the pipe for ever


def main(arguments: list[str]) -> int:
    """Run until the command ends; return its exit status (128 + signal if one ended it)."""
    path = Path(arguments[0])
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(reading)
        os.close(writing)
        os.execvp(arguments[1], arguments[1:])  # noqa: S606
    os.close(writing)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    copying = threading.Thread(target=_copy, args=(os.fdopen(reading, "rb", buffering=0), path))
    copying.daemon = True
    copying.start()
    status = _wait(child)
    copying.join(_LAST_WORDS)
    sys.stdout.flush()
    return status


def _copy(output: BinaryIO, path: Path) -> None:
    """Copy until every process that holds the other end is gone."""
    file = path.open("ab", buffering=0)
    while part := output.read(1 << 16):
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        try:
            file.write(part)
            if file.tell() > LARGEST and part.endswith(b"\n"):
                file.close()
                rotate(path)
                file = path.open("ab", buffering=0)
        except OSError as error:  # a full disk must not stop the service
            print(f"{path}: {error}", file=sys.stderr, flush=True)
    file.close()


def rotate(path: Path) -> None:
    """Rename `x.log` to `x.log.1`, that to `x.log.2` and so on; the oldest goes."""
    for age in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{age}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{age + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))


def _wait(child: int) -> int:
    """Wait for the command; as a container's first process, also bury what others left."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
