"""A connector's messages become rows and states that belong together, whatever it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import psutil
import pytest

from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.sources.protocol.parts import Part
from services.airbyte.sources.protocol.reading import Pace
from services.airbyte.sources.protocol.spool import Typist
from services.common.waiting import wait_until
from tests.unit.airbyte.protocol.conftest import Run, record, state, status, stream

Go = Callable[..., Run]

FULL = ("full_refresh", "overwrite")
NEW = ("incremental", "append_dedup")
OFTEN = Pace(seconds=0)


def test_a_full_refresh_is_one_commit_when_the_stream_is_complete(run: Go) -> None:
    streams = [stream("a", *FULL), stream("b", *FULL)]
    messages = [
        record("a", {"id": 1, "name": "x"}),
        state("a", {"__ab_no_cursor": True}),
        record("b", {"id": 2, "name": "y"}),
        record("a", {"id": 3, "name": None}),
        status("a", "COMPLETE"),
        record("b", {"id": 4, "name": "z"}),
    ]
    result = run(streams, messages, pace=OFTEN)
    assert result.error is None
    assert result.commits == [
        [("a", [(1, "x", []), (3, None, [])], None)],
        [("b", [(2, "y", []), (4, "z", [])], None)],
    ]


def test_rows_go_with_the_state_that_covers_them(run: Go) -> None:
    messages = [
        record("a", {"id": 1}),
        record("a", {"id": 2}),
        state("a", {"at": 2}, 2),
        record("a", {"id": 3}),
        state("a", {"at": 3}, 1),
        record("a", {"id": 4}),
    ]
    result = run([stream("a", *NEW)], messages, pace=OFTEN)
    found = [([row[0] for row in rows], kept) for [(_, rows, kept)] in result.commits]
    assert found == [([1, 2], {"at": 2}), ([3], {"at": 3}), ([4], {"at": 3})]
    assert "were received" not in result.text


def test_a_state_may_come_after_the_stream_is_complete(run: Go) -> None:
    messages = [
        record("a", {"id": 1}),
        state("a", {"at": 1}, 1),
        record("a", {"id": 2}),
        status("a", "COMPLETE"),
        state("a", {"at": 2}, 1),
        state("a", {"at": 2}, 0),
        state("a", {"at": 2, "of": "its parent"}, 0),
    ]
    result = run([stream("a", *NEW)], messages)
    assert result.error is None
    assert result.commits == [
        [("a", [(1, None, []), (2, None, [])], {"at": 2})],
        [("a", [], {"at": 2, "of": "its parent"})],
    ]
    # Killed before that state: its rows come again.
    result = run([stream("a", *NEW)], [*messages[:4], {"exit": 1}])
    assert result.error is not None
    assert result.commits == [[("a", [(1, None, [])], {"at": 1})]]


def test_states_in_quick_succession_are_one_commit(run: Go) -> None:
    messages = [m for i in range(5) for m in (record("a", {"id": i}), state("a", {"at": i}))]
    result = run([stream("a", *NEW)], messages)
    assert [(len(rows), kept) for [(_, rows, kept)] in result.commits] == [(5, {"at": 4})]


def test_when_it_fails_only_what_a_state_covers_is_kept(run: Go) -> None:
    messages = [
        record("a", {"id": 1}),
        state("a", {"at": 1}),
        record("a", {"id": 2}),
        record("b", {"id": 9}),
        {"stderr": "the API is gone"},
        {"exit": 3},
    ]
    result = run([stream("a", *NEW), stream("b", *FULL)], messages)
    assert result.commits == [[("a", [(1, None, [])], {"at": 1})]]
    assert isinstance(result.error, ConnectorError)
    assert result.error.kind == "system_error"
    assert str(result.error) == "the connector ended with exit code 3: the API is gone"


def test_it_goes_on_from_the_states_it_gave(run: Go, tmp_path: Path) -> None:
    given = tmp_path / "given.json"
    streams = [stream("a", *NEW), stream("b", *FULL)]
    run(streams, [{"given": str(given)}], {streams[0].key: {"at": 7}, streams[1].key: {"x": 1}})
    told = json.loads(given.read_text())
    assert told["state"] == [
        {
            "type": "STREAM",
            "stream": {"stream_descriptor": {"name": "a"}, "stream_state": {"at": 7}},
        }
    ]
    assert [s["sync_mode"] for s in told["catalog"]["streams"]] == ["incremental", "full_refresh"]
    assert told["catalog"]["streams"][0]["primary_key"] == [["id"]]
    assert told["mode"] == 0o600


def test_it_is_given_no_secret_of_ours(
    run: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "hidden")
    run([stream("a", *FULL)], [{"given": str(tmp_path / "given")}])
    assert "hidden" not in (tmp_path / "given").read_text()


def test_a_global_state_covers_all_streams_at_once(run: Go, tmp_path: Path) -> None:
    own = [{"stream_descriptor": {"name": n}, "stream_state": {"of": n}} for n in "ab"]
    told = {"type": "GLOBAL", "global": {"shared_state": {"lsn": 5}, "stream_states": own}}
    messages = [
        record("a", {"id": 1}),
        record("b", {"id": 2}),
        {"type": "STATE", "state": told},
        record("a", {"id": 3}),
        {"exit": 1},
    ]
    streams = [stream("a", *NEW), stream("b", *NEW)]
    result = run(streams, messages, pace=OFTEN)
    assert len(result.commits) == 1, "both tables belong into one commit"
    assert [(name, [r[0] for r in rows]) for name, rows, _ in result.commits[0]] == [
        ("a", [1]),
        ("b", [2]),
    ]
    kept = {s.key: state for s, (_, _, state) in zip(streams, result.commits[0], strict=True)}
    given = tmp_path / "given.json"
    run(streams, [{"given": str(given)}], kept)
    assert json.loads(given.read_text())["state"] == [{"type": "GLOBAL", "global": told["global"]}]


def test_a_legacy_state_is_given_back_as_it_came(run: Go, tmp_path: Path) -> None:
    streams = [stream("a", *NEW)]
    messages = [record("a", {"id": 1}), {"type": "STATE", "state": {"data": {"a": {"at": 1}}}}]
    [[(_, rows, kept)]] = run(streams, messages).commits
    assert len(rows) == 1
    run(streams, [{"given": str(tmp_path / "given")}], {streams[0].key: kept})
    assert json.loads((tmp_path / "given").read_text())["state"] == {"a": {"at": 1}}


def test_an_error_trace_is_the_failure_and_keeps_its_kind(run: Go) -> None:
    error = {
        "message": "the key has expired",
        "internal_message": "401",
        "failure_type": "config_error",
        "stack_trace": "Traceback",
    }
    trace = {"type": "TRACE", "trace": {"type": "ERROR", "error": error, "emitted_at": 1.5}}
    result = run([stream("a", *FULL)], [record("a", {"id": 1}), trace, {"exit": 1}])
    assert isinstance(result.error, ConnectorError)
    assert (str(result.error), result.error.kind) == ("the key has expired", "config_error")
    assert "401" in result.error.internal
    assert result.commits == []


def test_a_stream_that_is_not_completed_fails_and_the_others_are_kept(run: Go) -> None:
    messages = [
        record("a", {"id": 1}),
        status("a", "COMPLETE"),
        record("b", {"id": 2}),
        status("b", "INCOMPLETE"),
    ]
    result = run([stream("a", *FULL), stream("b", *FULL)], messages)
    assert [name for [(name, _, _)] in result.commits] == ["a"]
    assert "did not complete stream 'b'" in str(result.error)


def test_logs_keep_their_level_and_a_changed_configuration_is_stored(run: Go) -> None:
    control = {
        "type": "CONTROL",
        "control": {
            "type": "CONNECTOR_CONFIG",
            "emitted_at": 1,
            "connectorConfig": {"config": {"token": "new"}},
        },
    }
    messages = [
        {"type": "LOG", "log": {"level": "WARN", "message": "slow", "stack_trace": "at x"}},
        {"raw": "plain words"},
        control,
    ]
    result = run([stream("a", *FULL)], messages)
    assert ("slow\nat x", "WARNING") in result.log
    assert ("plain words", "INFO") in result.log
    assert result.configs == [{"token": "new"}]


def test_what_cannot_be_a_row_is_put_aside(run: Go) -> None:
    broken = '{"type": "RECORD", "record": {"stream": "a", "data": {"id": 2'
    messages = [
        record("a", {"id": 1, "name": "kept"}),
        {"raw": broken},
        record("a", [1, 2]),
        record("a", {"name": "no key"}),
        record("a", {"id": "x1", "name": "unfit key"}),
        record("other", {"id": 5}),
    ]
    result = run([stream("a", *NEW)], messages)
    assert result.error is None
    assert [row[:2] for row in result.rows("a")] == [(1, "kept")]
    assert [letter["text"] for letter in result.letters["_unreadable"]] == [broken]
    reasons = {json.dumps(letter["data"]): letter["reason"] for letter in result.letters["a"]}
    assert reasons == {
        "[1, 2]": "data is not an object",
        '{"name": "no key"}': "the primary key (id) is missing or unfit",
        '{"id": "x1", "name": "unfit key"}': "the primary key (id) is missing or unfit",
    }
    assert "1 records of 'other', which was not asked for" in result.text


def test_a_wrong_count_of_records_is_told(run: Go) -> None:
    result = run([stream("a", *NEW)], [record("a", {"id": 1}), state("a", {"at": 1}, 2)])
    assert "sent 2 records since its last state, 1 were received" in result.text


def test_rows_leave_the_memory_for_the_disk(run: Go) -> None:
    many = {"repeat": 5000, "message": record("a", {"id": "{i}", "name": "n" * 200})}
    small = Pace(memory=64 << 10)
    result = run([stream("a", *FULL)], [many, many], pace=small)
    assert [row[0] for row in result.rows("a")] == [*range(5000), *range(5000)]


def test_silence_ends_it_and_all_that_it_started(run: Go, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    messages = [record("a", {"id": 1}), state("a", {"at": 1}), {"child": str(numbers)}]
    result = run([stream("a", *NEW)], [*messages, {"hang": True}], silence=3)
    assert "said nothing for 3 s" in str(result.error)
    assert [row[0] for row in result.rows("a")] == [1]
    for number in map(int, numbers.read_text().split()):
        wait_until(
            lambda n=number: not psutil.pid_exists(n) or psutil.Process(n).status() == "zombie",
            seconds=20,
            what="the connector's processes to end",
        )


def test_a_stream_without_fields_is_told(run: Go) -> None:
    (bare,) = configured_streams({"streams": [{"stream": {"name": "a"}, "config": {}}]})
    assert "a: the connector names no fields of it" in run([bare], [record("a", {"id": 1})]).text
    assert "names no fields" not in run([stream("a", *FULL)], [record("a", {"id": 1})]).text


def test_one_that_only_logs_is_ended_as_well(run: Go) -> None:
    messages = [record("a", {"id": 1}), state("a", {"at": 1}), {"chatter": "not ready yet"}]
    result = run([stream("a", *NEW)], messages, silence=1)
    assert "gave no record and no state for" in str(result.error)
    assert [row[0] for row in result.rows("a")] == [1]


def test_a_record_of_no_stream_is_refused(run: Go) -> None:
    messages = [
        {"type": "RECORD", "record": "text"},
        {"type": "RECORD", "record": {"stream": ["a"], "data": {"id": 1}}},
        {"type": "RECORD", "record": {"data": {"id": 2}}},
        record("a", {"id": 3}),
    ]
    result = run([stream("a", *FULL)], messages)
    assert [row[0] for row in result.rows("a")] == [3]
    letters = result.letters["_unreadable"]
    assert [letter["record"] for letter in letters] == [m["record"] for m in messages[:3]]
    assert {letter["reason"] for letter in letters} == {"no record of a stream"}


def test_what_goes_wrong_while_rows_are_typed_stops_the_reading() -> None:
    typist = Typist(duckdb.connect())

    def broken() -> Part:
        raise OSError("no space left on the disk")

    typist.start(broken)
    with pytest.raises(OSError, match="no space left"):
        typist.start(broken)
    typist.close()
