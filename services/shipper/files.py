"""Reading the supervised services' logs line by line, over rotations.

supervisord renames `x.log` to `x.log.1` and begins a new `x.log`: a file is known by its inode.
"""

from __future__ import annotations

import errno
import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.shipper.checkpoint import Checkpoint, FileState, new_generation

_LOG = re.compile(r"(?P<service>[\w-]+)\.log(?:\.(?P<age>\d+))?$")
_BEGINNING = 64
log = logging.getLogger(__name__)

LONGEST_LINE = 256 * 1024  # bytes; what is longer is cut into several


@dataclass(frozen=True)
class Line:
    """One line; `id` is the same each time it is read, `end` the offset behind it."""

    service: str
    id: str
    text: str
    inode: str
    end: int


class Unreadable:
    """What may not be read at the moment: each told once, and once more when it can be again."""

    def __init__(self) -> None:
        self.since: dict[Path, float] = {}
        self._met: set[Path] = set()

    def meet(self, path: Path, error: OSError) -> None:
        """Remember that `path` could not be read."""
        self._met.add(path)
        if path not in self.since:
            self.since[path] = time.time()
            log.error("%s cannot be read and is not shipped: %s", path, error.strerror)

    def looked(self) -> None:
        """Forget what was met before the look that ends now and not in it."""
        for path in set(self.since) - self._met:
            del self.since[path]
            log.info("%s can be read again, or is gone", path)
        self._met.clear()


def log_files(
    folders: Sequence[Path], unreadable: Unreadable | None = None
) -> list[tuple[str, Path]]:
    """Return (service, path) of all logs, of each service the oldest first."""
    found = []
    paths: list[Path] = []
    for folder in folders:
        try:
            paths += folder.iterdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if unreadable is not None:
                unreadable.meet(folder, error)
    for path in paths:
        match = _LOG.match(path.name)
        if match:
            found.append((match["service"], -int(match["age"] or 0), path))
    return [(service, path) for service, _, path in sorted(found)]


def unread(
    folders: Sequence[Path],
    checkpoint: Checkpoint,
    limit: int,
    unreadable: Unreadable | None = None,
) -> Iterator[Line]:
    """Return up to about `limit` bytes of whole lines that have not been shipped.

    Files met for the first time are entered into the checkpoint, files gone are taken out. What
    may not be read keeps its place there: read again one day, it is not shipped twice.
    """
    present, budget = set(), limit
    unreadable = unreadable or Unreadable()
    for service, path in log_files(folders, unreadable):
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            with path.open("rb") as file:
                inode = str(path.stat().st_ino)
                present.add(inode)
                state = _state(checkpoint, inode, file.read(_BEGINNING))
                if state is None:
                    continue
                file.seek(state.offset)
                data = file.read(max(budget, 0) or 1)
        except FileNotFoundError:
            continue  # rotated away just now; the next look finds it by its new name
        except OSError as error:
            unreadable.meet(path, error)
            with suppress(OSError):
                present.add(str(path.stat().st_ino))
            continue
        if budget <= 0:
            continue
        budget -= len(data)
        yield from _lines(service, inode, state, data)
    unreadable.looked()
    if not unreadable.since.keys() & set(folders):
        for inode in set(checkpoint.files) - present:
            del checkpoint.files[inode]


def _state(checkpoint: Checkpoint, inode: str, beginning: bytes) -> FileState | None:
    state = checkpoint.files.get(inode)
    if state is not None and beginning.startswith(bytes.fromhex(state.begins)):
        return state
    if not beginning:
        return None
    state = checkpoint.files[inode] = FileState(new_generation(), beginning.hex())
    return state


def _lines(service: str, inode: str, state: FileState, data: bytes) -> Iterator[Line]:
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        if end < 0 or end - position > LONGEST_LINE:
            if len(data) - position < LONGEST_LINE:
                return  # the rest of the line is not written yet
            end = position + LONGEST_LINE - 1
        text = data[position : end + 1].decode("utf-8", "replace").rstrip("\r\n")
        start = state.offset + position
        position = end + 1
        if text.strip():
            identifier = f"{state.generation}-{start:012d}"
            yield Line(service, identifier, text, inode, state.offset + position)
