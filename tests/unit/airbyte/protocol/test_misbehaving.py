"""Connectors that do not keep to the protocol: what they gave is kept, and once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.sources.protocol import process
from tests.unit.airbyte.protocol.conftest import Run, record, state, status, stream

Go = Callable[..., Run]

FULL = ("full_refresh", "overwrite")
NEW = ("incremental", "append_dedup")
HALF = '{"type": "RECORD", "record": {"stream": "a", "data": {"id": 2'


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LAST_SECONDS", 0.5)


@pytest.mark.parametrize("ending", [{"hang": True}, {"close": True}])
def test_one_that_has_said_all_and_lives_on_is_stopped(
    run: Go, impatient: None, ending: dict[str, Any]
) -> None:
    messages = [record("a", {"id": 1}), status("a", "COMPLETE"), ending]
    result = run([stream("a", *FULL)], messages)
    assert result.error is None
    assert [row[0] for row in result.rows("a")] == [1]
    assert "has said all and did not end" in result.text


def test_one_that_closes_its_output_before_it_has_said_all_fails(run: Go, impatient: None) -> None:
    messages = [record("a", {"id": 1}), state("a", {"at": 1}), record("b", {"id": 2})]
    streams = [stream("a", *NEW), stream("b", *FULL)]
    result = run(streams, [*messages, status("a", "COMPLETE"), {"close": True}])
    assert isinstance(result.error, ConnectorError)
    assert result.error.kind == "transient_error"
    assert "closed its output" in str(result.error)
    assert [row[0] for row in result.rows("a")] == [1]
    assert result.rows("b") == []


def test_half_a_line_of_one_that_dies_is_no_refused_record(run: Go) -> None:
    messages = [record("a", {"id": 1}), state("a", {"at": 1}), {"half": HALF}]
    died = run([stream("a", *NEW)], [*messages, {"kill": True}])
    assert "ended by signal 9 (is the machine out of memory?)" in str(died.error)
    assert [row[0] for row in died.rows("a")] == [1]
    assert died.letters == {}, "it comes again with the next attempt"
    ended = run([stream("a", *NEW)], messages)
    assert ended.error is None
    assert [letter["text"] for letter in ended.letters["_unreadable"]] == [HALF]


def test_messages_in_no_form_of_the_protocols_are_told_and_left_out(run: Go) -> None:
    odd = [
        {"type": "LOG", "log": "only a text"},
        {"type": "TRACE", "trace": ["x"]},
        {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": "x"}},
        {"type": "TRACE", "trace": {"type": "ESTIMATE", "estimate": {"row_estimate": "many"}}},
        {"type": "CONTROL", "control": {"connectorConfig": "x"}},
        {"type": "STATE", "state": "x"},
        {"type": "STATE", "state": {"type": "GLOBAL", "global": {"stream_states": ["x", 1]}}},
        {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": "x"}}},
        {"type": "SOMETHING", "new": 1},
        {"type": None},
        [1],
    ]
    last = state("a", {"at": 1})
    last["state"]["sourceStats"] = {"recordCount": "one"}
    result = run([stream("a", *NEW)], [*odd, record("a", {"id": 1}), last])
    assert result.error is None
    [[(_, rows, kept)]] = result.commits
    assert [row[0] for row in rows] == [1]
    assert kept == {"at": 1}
    assert ("only a text", "INFO") in result.log
    assert "a state in no form of the protocol's: {'type': 'STATE', 'state': 'x'}" in result.text


def test_much_on_stderr_without_an_end_of_line_is_logged_in_pieces(run: Go) -> None:
    result = run([stream("a", *FULL)], [{"stderr": "e" * 350_000}, record("a", {"id": 1})])
    assert result.error is None
    assert sum(text.startswith("eeee") for text, _ in result.log) == 4


def test_a_stream_that_fails_leaves_the_others_what_they_gave(run: Go) -> None:
    """As Airbyte's CDK ends: the error names its stream, the others go on, the exit code is 1."""
    error = {
        "message": "b is forbidden",
        "failure_type": "config_error",
        "stream_descriptor": {"name": "b"},
    }
    messages = [
        record("b", {"id": 1}),
        {"type": "TRACE", "trace": {"type": "ERROR", "error": error, "emitted_at": 1}},
        status("b", "INCOMPLETE"),
        record("a", {"id": 2}),
        state("a", {"at": 2}),
        status("a", "COMPLETE"),
        record("c", {"id": 3}),
        status("c", "COMPLETE"),
        {"exit": 1},
    ]
    streams = [stream("a", *NEW), stream("b", *FULL), stream("c", *FULL)]
    result = run(streams, messages)
    assert str(result.error) == "b is forbidden"
    assert getattr(result.error, "kind", None) == "config_error"
    found = {name: [row[0] for row in rows] for [(name, rows, _)] in result.commits}
    assert found == {"a": [2], "c": [3]}
