"""Transactions on a statement's cursor, and commits that lost a race tried again."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import duckdb

from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.run import Run

T = TypeVar("T")
_ATTEMPTS = 8


@contextmanager
def transaction(run: Run) -> Iterator[None]:
    """Commit what is done inside, or nothing of it. Raises DremioError."""
    run.execute("BEGIN TRANSACTION")
    try:
        yield
        try:
            run.cursor.execute("COMMIT")
        except duckdb.Error as error:
            raise translate(error) from error
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
            run.cursor.execute("ROLLBACK")
        raise


def retried(run: Run, work: Callable[[], T]) -> T:
    """Do `work` again, from a new snapshot, when another writer committed first.

    This process's writers wait for each other; the other writer is another process, such as
    the sync server. Raises what `work` raises, in the end DremioError (CONCURRENT_MODIFICATION).
    """
    attempt = 1
    while True:
        try:
            return work()
        except DremioError as error:
            if error.kind is not ErrorKind.CONCURRENT_MODIFICATION or attempt == _ATTEMPTS:
                raise
            if run.cancelled.is_set():
                raise
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311
            attempt += 1
