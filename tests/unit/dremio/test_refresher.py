"""The refreshes' background thread, and who looks on meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from services.dremio.state.reflections import refresher as module
from services.dremio.state.reflections.refresher import Refresher


def made(**reflections: Any) -> Refresher:
    return Refresher(SimpleNamespace(), SimpleNamespace(**reflections))  # type: ignore[arg-type]


def test_what_jobs_made_is_written_when_it_is_said_to_be() -> None:
    """One thread is in the middle of writing it: another that wants to count waits."""
    writing, go_on, written = threading.Event(), threading.Event(), list[str]()

    def record(job_id: str, entries: object) -> None:
        writing.set()
        assert go_on.wait(30)
        written.append(job_id)

    refresher = made(store=SimpleNamespace(record_job=record))
    refresher.record("job", [])
    seen: list[list[str]] = []

    def count() -> None:
        refresher.write_jobs()
        seen.append(list(written))

    first, second = (threading.Thread(target=count) for _ in range(2))
    first.start()
    assert writing.wait(30)
    second.start()
    second.join(0.2)
    go_on.set()
    for thread in (first, second):
        thread.join(30)
    assert seen == [["job"], ["job"]]


def test_what_is_in_use_again_is_not_told_to_be_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, str]] = []

    def install(built: object) -> bool:
        told.append((state.failures, state.error))
        return True

    refresher = made(
        built=lambda _: None,
        segments=None,
        install=install,
        store=SimpleNamespace(started=lambda _: "record"),
    )
    state = refresher.state("id")
    state.failures, state.error = 2, "the disk is full"
    monkeypatch.setattr(module, "build", lambda *_: SimpleNamespace(method="FULL", rows=1))
    refresher._refresh(SimpleNamespace(id="id", name="r"))  # type: ignore[arg-type]
    assert told == [(0, "")]
