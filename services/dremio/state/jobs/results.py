"""Job results: one Arrow file per job, read by the page, swept after a day as Dremio does."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pyarrow as pa

from services.dremio.state.execution import Execution

KEEP_SECONDS = 24 * 3600


class Results:
    """Spools results under a folder of this service's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def spool(self, execution: Execution) -> None:
        """Write the execution's rows to its job's file; then the job is over.

        Raises DremioError when the statement fails on the way; nothing is kept then.
        """
        path = self._path(execution.job_id)
        part = path.with_suffix(".part")
        try:
            with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, execution.schema) as out:
                for batch in execution.batches:
                    out.write_batch(batch)
            part.rename(path)
        except BaseException as error:
            with contextlib.suppress(OSError):
                part.unlink()
            execution.close(error)
            raise
        execution.close()

    def page(self, job_id: str, offset: int, limit: int) -> pa.Table | None:
        """Return rows `offset` to `offset + limit`; None when the results are no longer kept."""
        try:
            with pa.memory_map(str(self._path(job_id))) as source:
                reader = pa.ipc.open_file(source)
                taken: list[pa.RecordBatch] = []
                for number in range(reader.num_record_batches):
                    batch = reader.get_batch(number)
                    if offset >= batch.num_rows:
                        offset -= batch.num_rows
                        continue
                    piece = batch.slice(offset, limit)
                    offset = 0
                    limit -= piece.num_rows
                    taken.append(piece)
                    if limit <= 0:
                        break
                return pa.Table.from_batches(taken, reader.schema)
        except FileNotFoundError:
            return None

    def sweep(self) -> int:
        """Remove results older than `KEEP_SECONDS`; return how many."""
        before = time.time() - KEEP_SECONDS
        removed = 0
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.arrow"
