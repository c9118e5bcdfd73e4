"""ConnectionState as Airbyte gives and takes it, for connectors that share a state."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.handlers.state_shapes import shown, told
from services.airbyte.sources.protocol.states import LEGACY, OWN, SHARED
from services.airbyte.state.records import Connection, StreamState

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
STREAM = StreamState(UUID(int=1), "", "a", None, 1, 0)


def connection(*names: str) -> Connection:
    streams = [{"stream": {"name": n}, "config": {"syncMode": "incremental"}} for n in names]
    catalog = {"streams": streams}
    one, two = UUID(int=1), UUID(int=2)
    return Connection(
        one, "c", one, two, "source", None, "", catalog, "manual", None, "active", {}, NOW, NOW
    )


def of(name: str, state: Any, namespace: str = "") -> StreamState:
    return replace(STREAM, name=name, namespace=namespace, state=state)


def test_nothing_known_is_not_set() -> None:
    assert shown([of("a", None)]) == {"stateType": "not_set"}
    assert told(connection("a"), {"stateType": "not_set"}) == {}


def test_a_connectors_global_state_goes_out_and_comes_back() -> None:
    known = [of("a", {SHARED: {"x": 1}, OWN: {"n": 2}}), of("b", {SHARED: {"x": 1}, OWN: None})]
    answer = shown(known)
    assert answer == {
        "stateType": "global",
        "globalState": {
            "shared_state": {"x": 1},
            "streamStates": [
                {"streamDescriptor": {"name": "a"}, "streamState": {"n": 2}},
                {"streamDescriptor": {"name": "b"}},
            ],
        },
    }
    assert told(connection("a", "b"), answer) == {("", s.name): s.state for s in known}


def test_a_connectors_legacy_state_goes_out_and_comes_back() -> None:
    known = [of("a", {LEGACY: {"x": 1}}), of("b", {LEGACY: {"x": 1}})]
    answer = shown(known)
    assert answer == {"stateType": "legacy", "state": {"x": 1}}
    assert told(connection("a", "b"), answer) == {("", s.name): s.state for s in known}


def test_of_a_log_the_shared_part_is_the_one_furthest_behind() -> None:
    def at(file: str, pos: int) -> dict[str, Any]:
        return {"state_type": "log_based", "file": file, "pos": pos}

    known = [of("a", at("b.000010", 4), "s"), of("b", at("b.000009", 70), "s")]
    answer = shown(known)
    assert answer["globalState"]["shared_state"] == known[1].state
    assert told(connection(), answer) == {("s", s.name): s.state for s in known}
    del answer["globalState"]["streamStates"][0]["streamState"]
    assert told(connection(), answer)[("s", "a")] == known[1].state


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="stateType"):
        told(connection(), {"stateType": "odd"})
