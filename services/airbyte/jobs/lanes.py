"""Streams side by side: each lane has its own engine and connections, and a share of the memory.

The memory of all lanes together is that of one stream alone: a lane reads from its source no faster
than it writes, and what does not fit its share spills to disk. Commits take turns (see
`Sync.commit`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from pyiceberg.catalog.rest import RestCatalog

from services.airbyte import engine
from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.destination.catalog import LakeConfig, open_catalog
from services.airbyte.destination.schema import number_rows
from services.airbyte.jobs.progress import Progress
from services.airbyte.state.database import Db

if TYPE_CHECKING:
    from services.airbyte.jobs.sync import Sync

MEMORY_MB = 512
_EXTENSIONS = ("httpfs", "postgres_scanner")


@dataclass(frozen=True)
class Lane:
    """What one stream is synced with."""

    db: Db
    duck: duckdb.DuckDBPyConnection
    catalog: RestCatalog
    progress: Progress


@dataclass(frozen=True)
class Lanes:
    """How many streams may be read at a time (`width`), and what a lane is made of."""

    width: int
    connect: Callable[[], Db]
    lake: LakeConfig
    spill: Path
    job_id: int
    attempt: int

    def share(self) -> int:
        """Return how much memory (MB) a lane may take."""
        return MEMORY_MB // max(1, self.width)

    @contextmanager
    def open(self, number: int) -> Iterator[Lane]:
        """Open a lane."""
        duck = open_engine(self.spill / str(number), self.lake, self.share())
        number_rows(duck)
        progress = Progress(duck, self.connect, self.job_id, self.attempt)
        try:
            with self.connect() as db:
                yield Lane(db, duck, open_catalog(self.lake), progress)
        finally:
            progress.close()
            duck.close()


def open_engine(spill: Path, lake: LakeConfig, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Open DuckDB with access to the destination."""
    duck = engine.connect(spill, *_EXTENSIONS, memory=f"{memory_mb}MB")
    engine.grant_s3(
        duck,
        "lakelet_destination",
        endpoint=lake.endpoint,
        key=lake.key,
        secret=lake.secret,
        region=lake.region,
        secure=lake.secure,
        scope=f"s3://{lake.warehouse.split('/')[0]}",
    )
    return duck


def side_by_side(
    sync: Sync,
    width: int,
    lane: Callable[[int], AbstractContextManager[Lane]],
    streams: Sequence[ConfiguredStream],
    one: Callable[[Sync, ConfiguredStream], None],
) -> None:
    """Do `one` with every stream, `width` at a time.

    After the first that fails none is begun any more; those at work end, and its error is raised.
    """
    left, lock, failures = list(streams), threading.Lock(), list[BaseException]()

    def next_stream() -> ConfiguredStream | None:
        with lock:
            return left.pop(0) if left and not failures else None

    def work(number: int) -> None:
        try:
            with sync.failing(), lane(number) as own:
                mine = replace(
                    sync, db=own.db, duck=own.duck, catalog=own.catalog, progress=own.progress
                )
                try:
                    while (stream := next_stream()) is not None:
                        one(mine, stream)
                except Exception as error:  # noqa: BLE001 - raised below; known before the lane ends
                    failures.append(error)
        except Exception as error:  # noqa: BLE001 - the lane could not be opened
            failures.append(error)

    with ThreadPoolExecutor(max_workers=width, thread_name_prefix="lane") as pool:
        list(pool.map(work, range(min(width, len(streams)))))
    if failures:
        raise failures[0]
