"""`python -m services.elasticsearch`: the log store on ELASTICSEARCH_PORT."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from services.common import logs
from services.common.metrics import RequestMetrics
from services.common.settings import settings
from services.elasticsearch import memory
from services.elasticsearch.state.store import Store
from services.elasticsearch.wire.app import build_app

_HOUSEKEEPING_SECONDS = 60.0

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


def main() -> None:
    """Serve until SIGTERM; everything acknowledged is on disk."""
    memory.hold_less()
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
