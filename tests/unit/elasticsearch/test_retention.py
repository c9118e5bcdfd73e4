"""Policies, followed as time passes (a clock of the test's own)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.common.settings import CHECKOUT
from services.elasticsearch.errors import RequestError
from services.elasticsearch.state import catalog, retention, rollover
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.retention import check_policy
from services.elasticsearch.state.store import Store
from services.elasticsearch.state.templates import put_template

DAY = 86_400_000


class Clock:
    """Milliseconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (catalog, retention, rollover):
        monkeypatch.setattr(module, "now_millis", made)
    return made


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    made = Store(tmp_path, password="password")
    yield made
    made.close()


def policy(store: Store, name: str, phases: dict[str, Any]) -> None:
    check_policy({"phases": phases})
    store.catalog.save_thing("ilm_policy", name, {"policy": {"phases": phases}})


def write(store: Store, name: str, count: int = 1, action: str = "index") -> None:
    document = {"@timestamp": "2026-01-01", "n": 1}
    operations = [Operation(action, name, None, document, '{"n": 1}') for _ in range(count)]
    results = store.writer.apply(operations)
    assert not [r for r in results if isinstance(r, RequestError)]


def test_the_logs_own_policy_keeps_a_day_for_a_month(store: Store, clock: Clock) -> None:
    text = (CHECKOUT / "monitoring/elasticsearch/policies/logs-retention.json").read_bytes()
    policy(store, "logs-retention", orjson.loads(text)["policy"]["phases"])
    settings = {"settings": {"index.lifecycle.name": "logs-retention"}}
    store.indices.create("airbyte-logs-1", settings)
    clock.now += 10 * DAY
    store.indices.create("airbyte-logs-2", settings)
    store.indices.create("kept", {})
    clock.now += 20 * DAY - 1
    assert store.retention.apply() == []
    clock.now += 1
    store.retention.stopped = True
    assert store.retention.apply() == []
    store.retention.stopped = False
    assert store.retention.apply() == ["airbyte-logs-1"]
    assert {"airbyte-logs-2", "kept"} <= set(store.catalog.indices)


def test_an_alias_rolls_over_is_locked_and_dropped(store: Store, clock: Clock) -> None:
    rolls = {"rollover": {"max_docs": 3, "max_age": "7d"}}
    policy(
        store,
        "rolling",
        {
            "hot": {"actions": rolls},
            "warm": {"min_age": "1d", "actions": {"readonly": {}, "forcemerge": {}}},
            "delete": {"min_age": "2d", "actions": {"delete": {}}},
        },
    )
    settings = {"lifecycle.name": "rolling", "lifecycle.rollover_alias": "app"}
    put_template(
        store.catalog, "app", {"index_patterns": ["app-*"], "template": {"settings": settings}}
    )
    store.indices.create("app-000001", {"aliases": {"app": {"is_write_index": True}}})
    clock.now += 30 * DAY
    assert store.retention.apply() == []
    assert "app-000002" not in store.catalog.indices  # an empty index stays
    write(store, "app", 3)
    assert store.retention.phase(store.catalog.index("app-000001")) == "hot"
    store.retention.apply()
    write(store, "app", 1)
    assert store.documents(store.catalog.index("app-000002")) == 1
    clock.now += DAY
    assert store.retention.phase(store.catalog.index("app-000001")) == "warm"
    store.retention.apply()
    assert store.catalog.index("app-000001").settings["blocks.write"] == "true"
    with pytest.raises(AssertionError):
        write(store, "app-000001")
    clock.now += DAY
    assert store.retention.apply() == ["app-000001"]
    assert "app-000002" in store.catalog.indices


def test_a_stream_rolls_over_by_its_policy(store: Store, clock: Clock) -> None:
    policy(store, "daily", {"hot": {"actions": {"rollover": {"max_age": "1d"}}}})
    put_template(
        store.catalog,
        "events",
        {
            "index_patterns": ["events-*"],
            "data_stream": {},
            "template": {"settings": {"index.lifecycle.name": "daily"}},
        },
    )
    write(store, "events-a", action="create")
    store.retention.apply()
    assert len(store.streams.get("events-a")["indices"]) == 1
    clock.now += DAY
    store.retention.apply()
    store.retention.apply()
    assert len(store.streams.get("events-a")["indices"]) == 2


def test_one_policy_that_cannot_be_followed_holds_up_no_other(store: Store, clock: Clock) -> None:
    policy(store, "lost", {"hot": {"actions": {"rollover": {"max_docs": 1}}}})
    policy(store, "gone", {"delete": {"min_age": "0ms", "actions": {"delete": {}}}})
    store.indices.create("a-1", {"settings": {"index.lifecycle.name": "lost"}})
    write(store, "a-1")
    store.indices.create("b-1", {"settings": {"index.lifecycle.name": "gone"}})
    assert store.retention.apply() == ["b-1"]


@pytest.mark.parametrize(
    "phases",
    [
        {"tepid": {}},
        {"warm": {"actions": {"shrink": {"number_of_shards": 1}}}},
        {"warm": {"actions": {"rollover": {"max_docs": 1}}}},
        {"delete": {"min_age": "soon"}},
    ],
)
def test_a_policy_that_could_not_be_followed_is_refused(phases: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        check_policy({"phases": phases})
