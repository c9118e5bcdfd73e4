"""Values that lie in a block of bytes, as Arrow arrays: what decoders of logs end with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

# Above this average a value is copied by slicing, below by an index per byte.
_LONG = 512


def gather(blob: bytes, valid: Bools, starts: Ints, lengths: Ints, kind: pa.DataType) -> pa.Array:
    """Return what lies at the given places as an array of `kind` (large_string, large_binary)."""
    count = len(starts)
    sizes = np.where(valid, lengths, 0)
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    total = int(offsets[-1])
    if total > _LONG * max(count, 1):
        view = memoryview(blob)
        pieces = zip(starts.tolist(), sizes.tolist(), strict=True)
        data = pa.py_buffer(b"".join([view[at : at + size] for at, size in pieces]))
    else:
        index = np.repeat(starts - offsets[:-1], sizes) + np.arange(total, dtype=np.int64)
        data = pa.py_buffer(np.frombuffer(blob, np.uint8)[index])
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, count, [bitmap, pa.py_buffer(offsets), data])
