"""kill -9 in the middle of builds: nothing half-built is ever seen, and building goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.common.settings import CHECKOUT
from services.dremio.handlers import source
from tests.contract.reflections.conftest import start
from tests.support.dremio import source_body
from tests.support.platform import services_in

_BUILDER = """
import sys
from services.common.settings import settings
from services.dremio.state.session import Session
from services.dremio.state.start import start_engine
import threading
engine = start_engine(settings(), threading.Event())
session = Session(engine.core.users.list()[0])
print("started", flush=True)
for number in range(1000):
    engine.execute(session, f"INSERT INTO gold.big SELECT k + {number}, v FROM gold.seed").table()
    print(number, flush=True)
"""


@pytest.mark.timeout(240)
def test_kill_during_builds(tmp_path: Path) -> None:
    with services_in(tmp_path / "home", "postgres", "storage") as home:
        bench = start(home)
        source.put(
            bench.engine.core, bench.user, "gold", source_body(home.settings, "gold", "/gold/lake")
        )
        bench.table("CREATE TABLE gold.seed (k INTEGER, v BIGINT)")
        bench.table("INSERT INTO gold.seed VALUES (1, 10), (2, 20), (3, 30), (4, NULL)")
        for _ in range(8):
            bench.table("INSERT INTO gold.seed SELECT k + 5, v FROM gold.seed")
        bench.table("CREATE TABLE gold.big AS SELECT * FROM gold.seed")
        bench.table("ALTER TABLE gold.big CREATE RAW REFLECTION a USING DISPLAY (k, v) "
                    "LOCALSORT BY (v)")  # fmt: skip
        bench.table("ALTER TABLE gold.big CREATE AGGREGATE REFLECTION b USING DIMENSIONS (v) "
                    "MEASURES (k (SUM, COUNT))")  # fmt: skip
        bench.settle()
        bench.close()
        for wait in (0.3, 0.9):
            process = subprocess.Popen(
                [sys.executable, "-c", _BUILDER],
                env=home.environment,
                cwd=CHECKOUT,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "started"
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
            again = start(home)
            known = {
                segment
                for reflection in again.reflections.all()
                if (made := again.reflections.built(reflection.id))
                for segment in made.contents.segments
            }
            assert again.reflections.segments.all() >= known
            for sql in (
                "SELECT COUNT(*) AS n, SUM(k) AS k FROM gold.big",
                "SELECT v, SUM(k) AS k, COUNT(*) AS n FROM gold.big GROUP BY v ORDER BY v",
            ):
                assert again.rows(sql) == again.rows(sql, on=False)
            again.settle()
            assert all(again.reflections.built(r.id) for r in again.reflections.all())
            plan = again.plan("SELECT COUNT(*) AS n FROM gold.big")
            assert "CHOSEN" in [relationship for relationship, _ in plan.values()]
            states = {row["state"] for row in again.rows("SELECT state FROM sys.materializations")}
            assert "RUNNING" not in states
            again.close()
