"""`schedule: continuous` in lakelet.yml, and runs that follow each other."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.commands import data
from bootstrap.platform_file import Connection
from bootstrap.provision.airbyte import _schedule
from services.common.errors import PermanentError

PLAIN = {"source": "shop", "namespace": "shop", "streams": {}}


def test_what_airbyte_is_told_of_a_schedule() -> None:
    def told(**fields: Any) -> dict[str, Any]:
        return _schedule(Connection.model_validate({**PLAIN, **fields}))

    assert told() == {"scheduleType": "manual", "continuous": None}
    steps = {"every": 2.0, "rows": 100_000, "history": 600.0}
    asked = told(schedule="continuous", continuous={"every": 2})
    assert asked == {"scheduleType": "manual", "continuous": steps}
    cron = told(schedule="0 0 4 * * ?")
    assert cron["scheduleType"] == "cron"
    assert cron["continuous"] is None
    with pytest.raises(ValueError, match="schedule: continuous"):
        told(continuous={"every": 2})


def test_runs_follow_each_other_whatever_becomes_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[bool] = []
    pauses: list[float] = []

    def run_once(*_: Any, sync: bool) -> None:
        runs.append(sync)
        if len(runs) == 1:
            raise PermanentError("a test failed")
        if len(runs) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(data, "settings", lambda: None)
    monkeypatch.setattr(data, "read_platform", lambda _: None)
    monkeypatch.setattr(data, "run_pipeline", run_once)
    monkeypatch.setattr(data.time, "sleep", pauses.append)
    with pytest.raises(KeyboardInterrupt):
        data.run(no_sync=True, every=60)
    assert runs == [False] * 3
    assert all(59 < pause <= 60 for pause in pauses)
