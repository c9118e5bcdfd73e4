"""Free ports for a platform under test."""

from __future__ import annotations

import random
import socket

from services.common.ports import PORTS

# Below the kernel's ephemeral range, and so that companions (10,000 higher) are too.
_LOWEST, _HIGHEST = 11_000, 20_000


def free_ports() -> dict[str, int]:
    """Return setting name → a port that is free now, in one block at a random place."""
    generator = random.SystemRandom()
    for _attempt in range(200):
        base = generator.randrange(_LOWEST, _HIGHEST - len(PORTS))
        chosen = {port.setting: base + index for index, port in enumerate(PORTS)}
        wanted = {chosen[port.setting] + extra for port in PORTS for extra in {0, port.companion}}
        if all(_is_free(number) for number in wanted):
            return chosen
    raise RuntimeError(f"no block of {len(PORTS)} free ports between {_LOWEST} and {_HIGHEST}")


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return one port that is free now."""
    generator = random.SystemRandom()
    for _attempt in range(200):
        number = generator.randrange(_LOWEST, _HIGHEST)
        if _is_free(number):
            return number
    raise RuntimeError(f"no free port between {_LOWEST} and {_HIGHEST}")
