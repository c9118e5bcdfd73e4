"""What keeps the process small. Imported before DuckDB: its allocator reads this once, at its load.

DuckDB brings jemalloc, in which every thread keeps what it freed for ten seconds: while lines come
in by tens of thousands a second that is 60 MB of nothing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress

_M_ARENA_MAX = -8  # of malloc.h

os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "narenas:1,dirty_decay_ms:20,muzzy_decay_ms:0")


def hold_less() -> None:
    """Go without what this process has no use for; to be called once, at its start."""
    # DuckDB imports these as soon as a parameter is bound, to know their types: 100 MB and seconds
    # that this process, which passes texts and numbers, has no use for. None: go without.
    for module in ("numpy", "pandas", "polars", "pyarrow"):
        sys.modules[module] = None  # type: ignore[assignment]
    # glibc's threads share two arenas: what one freed is of use to the others (10 % less).
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    # Five thousand parsed documents are no reason to look for cycles seven times.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
