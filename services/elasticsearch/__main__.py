"""`python -m services.elasticsearch`: the log store on ELASTICSEARCH_PORT."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from services.common import logs
from services.common.metrics import RequestMetrics
from services.common.settings import settings
from services.elasticsearch.state.store import Store
from services.elasticsearch.wire.app import build_app

_HOUSEKEEPING_SECONDS = 60.0
_M_ARENA_MAX = -8  # of malloc.h

log = logging.getLogger(__name__)


async def _keep_house(store: Store) -> None:
    """Once a minute: end what clients forgot, drop what outlived its policy."""
    while True:
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)
        try:
            await asyncio.to_thread(store.cursors.expire)
            await asyncio.to_thread(store.retention.apply)
        except Exception:
            log.exception("housekeeping failed; the next round is in a minute")


def _hold_less() -> None:
    """Have glibc's threads share two arenas: what one freed is of use to the others (10 % less)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def main() -> None:
    """Serve until SIGTERM; everything acknowledged is on disk."""
    # DuckDB imports these as soon as a parameter is bound, to know their types: 100 MB and seconds
    # that this process, which passes texts and numbers, has no use for. None: go without.
    for module in ("numpy", "pandas", "polars", "pyarrow"):
        sys.modules[module] = None  # type: ignore[assignment]
    _hold_less()
    config = settings()
    logs.configure("elasticsearch", config.log_level)
    store = Store(
        config.data_dir / "elasticsearch",
        password=config.elasticsearch_password.get_secret_value(),
        memory_limit=config.elasticsearch_memory_limit,
        threads=config.elasticsearch_threads,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        house = asyncio.create_task(_keep_house(store))
        yield
        house.cancel()
        with suppress(asyncio.CancelledError):
            await house
        store.close()

    address = f"{config.bind_address}:{config.elasticsearch_port}"
    uvicorn.run(
        # The path of the Prometheus plugin; `/metrics` would be an index.
        RequestMetrics("elasticsearch", path="/_prometheus/metrics").asgi(
            build_app(store, address, lifespan)
        ),
        host=config.bind_address,
        port=config.elasticsearch_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=200,
    )


if __name__ == "__main__":
    main()
