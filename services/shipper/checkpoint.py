"""How far each log file has been shipped, kept in one file that is replaced whole."""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson


@dataclass
class FileState:
    """One log file, known by its inode whatever it is called after a rotation.

    `generation` makes its lines' ids; `begins` are its first bytes (hex), by which another file
    that got the same inode is told apart; `offset`: bytes that have been shipped.
    """

    generation: str
    begins: str
    offset: int = 0


@dataclass
class SpoolState:
    """One object in the making: `length` bytes of its local file count, the rest is cut off."""

    name: str
    length: int
    since: float


@dataclass
class Checkpoint:
    """The whole state; `files` by inode, `spools` by service and day."""

    path: Path
    files: dict[str, FileState] = field(default_factory=dict)
    spools: dict[str, SpoolState] = field(default_factory=dict)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Read the state, an empty one where there is none."""
        made = Checkpoint(path)
        if path.exists():
            kept = orjson.loads(path.read_bytes())
            made.files = {k: FileState(**v) for k, v in kept["files"].items()}
            made.spools = {k: SpoolState(**v) for k, v in kept["spools"].items()}
        return made

    def save(self) -> None:
        """Put the state on disk, whole or not at all."""
        body = {
            "files": {k: asdict(v) for k, v in self.files.items()},
            "spools": {k: asdict(v) for k, v in self.spools.items()},
        }
        unfinished = self.path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            file.write(orjson.dumps(body))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)


def new_generation() -> str:
    """Return a name that no file has had."""
    return secrets.token_hex(6)
