"""An engine in this process, on a storage and a PostgreSQL of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from services.dremio.state.engine import Engine
from services.dremio.state.session import Session
from services.dremio.state.start import start_engine
from tests.support.dremio import source_body
from tests.support.platform import Home, services_in


class Bench:
    """Statements on an engine, with reflections on or off."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reflections = engine.core.reflections
        self.user = engine.core.users.list()[0]

    def table(self, sql: str, *, on: bool = True) -> Any:
        """Run a statement; return its rows as an Arrow table."""
        session = Session(self.user, options={} if on else {"reflections": "off"})
        return self.engine.execute(session, sql).table()

    def rows(self, sql: str, *, on: bool = True) -> list[dict[str, Any]]:
        return self.table(sql, on=on).to_pylist()

    def plan(self, sql: str) -> dict[str, tuple[str, str]]:
        """Return reflection's name → (relationship, reason) for a query that is run."""
        execution = self.engine.execute(Session(self.user), sql)
        execution.table()
        return {
            entry["reflectionName"]: (entry["relationship"], entry["reason"])
            for entry in self.reflections._jobs.get(execution.job_id, [])
        }

    def settle(self, seconds: float = 60) -> None:
        """Wait until the background has looked at every reflection as things stand now."""
        for reflection in self.reflections.all():
            assert self.reflections.refresher is not None
            self.reflections.refresher.state(reflection.id).not_before = 0.0
        assert self.reflections.refresher is not None
        assert self.reflections.refresher.settle(seconds)

    def clear(self) -> None:
        for reflection in self.reflections.all():
            self.reflections.remove(reflection)

    def close(self) -> None:
        self.reflections.stop()
        self.engine.core.database.close()
        self.engine.core.history.close()
        self.engine.core.pool.close()


def start(home: Home) -> Bench:
    """Start an engine in this process on a home's storage.

    It keeps no results: each query is to be answered by a reflection or by its tables.
    """
    settings = home.settings.model_copy(update={"dremio_result_cache_mb": 0})
    return Bench(start_engine(settings, threading.Event()))


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with services_in(tmp_path_factory.mktemp("reflections"), "postgres", "storage") as made:
        yield made


@pytest.fixture(scope="package")
def bench(home: Home) -> Iterator[Bench]:
    from services.dremio.handlers import source

    made = start(home)
    source.put(
        made.engine.core, made.user, "gold", source_body(home.settings, "gold", "/gold/lake")
    )
    made.table("CREATE SPACE sp")
    yield made
    made.close()
