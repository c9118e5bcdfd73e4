"""Free ports for a platform under test, which no other test of this machine is given as well.

That a number is free when it is looked at says nothing of the moment when a service binds it, nor
of the one in which a killed service is started again: a block of numbers belongs to the process
that was given it until that process ends, by a lock on a file that is named after the block.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from services.common.ports import PORTS

# Below the kernel's ephemeral range, and so that companions (10,000 higher) are too.
_LOWEST, _HIGHEST = 11_000, 20_000
_BLOCK = 24
_CLAIMED: list[IO[str]] = []  # open, and so locked, until this process ends
_SINGLE: list[int] = []


def free_ports() -> dict[str, int]:
    """Return setting name → a port that is free now, in a block of this process' own."""
    for base in _blocks():
        chosen = {port.setting: base + index for index, port in enumerate(PORTS)}
        wanted = {chosen[port.setting] + extra for port in PORTS for extra in {0, port.companion}}
        if all(_is_free(number) for number in wanted):
            return chosen
    raise RuntimeError(f"no block of {len(PORTS)} free ports between {_LOWEST} and {_HIGHEST}")


def free_port() -> int:
    """Return one port that is free now, and is given to no one else."""
    while True:
        while _SINGLE:
            number = _SINGLE.pop()
            if _is_free(number):
                return number
        _SINGLE.extend(range(base := next(_blocks()), base + _BLOCK))


def _blocks() -> Iterator[int]:
    """Claim blocks in any order; give the lowest number of each."""
    assert len(PORTS) <= _BLOCK
    folder = Path(tempfile.gettempdir()) / f"lakelet-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    bases = list(range(_LOWEST, _HIGHEST - _BLOCK, _BLOCK))
    random.SystemRandom().shuffle(bases)
    for base in bases:
        file = (folder / str(base)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _CLAIMED.append(file)
        yield base
    raise RuntimeError(f"all ports between {_LOWEST} and {_HIGHEST} are given to tests")


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True
