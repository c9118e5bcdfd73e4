"""kill -9 of each service while the pipeline runs: the platform recovers and the hops agree."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from tests.e2e.test_1_main_job import lake_orders, source_orders
from tests.support.platform import Home


@pytest.mark.parametrize("service", ["postgres", "storage", "dremio", "airbyte", "superset"])
def test_a_killed_service_loses_and_doubles_nothing(platform: Home, service: str) -> None:
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        connection.execute(
            "UPDATE orders SET amount = amount + 0.01, updated_at = clock_timestamp() "
            "WHERE order_id %% 100 = %s",
            [random.SystemRandom().randrange(100)],
        )
    pipeline = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "run"],
        env=platform.environment,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(random.SystemRandom().uniform(1.0, 4.0))
    os.kill(pid_of(platform, service), signal.SIGKILL)
    succeeded = pipeline.wait(timeout=300) == 0  # then nothing is left to be done

    wait_until(lambda: all_healthy(platform), seconds=120, what="the platform")
    if not succeeded:
        result = platform.lakelet("run")
        assert result.returncode == 0, f"{result.stderr}\n{result.stdout}"
    assert all(flow["agrees"] for flow in platform.lakelet_json("verify"))
    for table in ("bronze.shop.orders", "gold.fct_orders"):
        assert lake_orders(platform, table) == source_orders(platform)


def pid_of(platform: Home, service: str) -> int:
    (row,) = (row for row in status(platform) if row["name"] == service)
    return int(row["pid"])


def all_healthy(platform: Home) -> bool:
    return all(row["healthy"] for row in status(platform))


def status(platform: Home) -> list[dict[str, object]]:  # type: ignore[type-arg]
    from services.supervisor.control import Supervisor

    return [row.as_dict() for row in Supervisor(platform.settings).status()]
