"""Rows of very many columns and very long ones fit the memory that typing has."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from services.airbyte.sources.protocol import process, wide
from tests.unit.airbyte.protocol.conftest import Run, record, stream

Go = Callable[..., Run]

INTEGER, TEXT, NUMBER = {"type": "integer"}, {"type": "string"}, {"type": "number"}
DATE = {"type": "string", "format": "date"}
UNFIT = "DESTINATION_SERIALIZATION_ERROR"


def test_several_hundred_columns(run: Go) -> None:
    kinds = {f"c{n}": [INTEGER, TEXT, NUMBER, DATE][n % 4] for n in range(400)}
    values: list[Any] = ["{i}", "a text", 0.5, "soon"]
    data = {f"c{n}": values[n % 4] for n in range(400)}
    earlier = {"field": "c1", "change": "TRUNCATED", "reason": "SOURCE_FIELD_SIZE_LIMITATION"}
    message = record("a", data, meta={"changes": [earlier]})
    wide_stream = stream("a", "full_refresh", "append", **kinds)
    result = run([wide_stream], [{"repeat": 2100, "message": message}])
    rows = result.rows("a")
    assert [row[0] for row in rows] == [row[396] for row in rows] == list(range(2100))
    assert rows[7][:-1] == tuple([7, "a text", 0.5, None][n % 4] for n in range(400))
    unfit = [{"field": f"c{n}", "change": "NULLED", "reason": UNFIT} for n in range(3, 400, 4)]
    assert rows[7][-1] == [earlier, *unfit]


def test_of_many_columns_a_row_without_its_key_is_put_aside(run: Go) -> None:
    kinds = {"id": INTEGER, **{f"c{n}": TEXT for n in range(200)}}
    messages = [record("a", {"id": 1, "c199": "x"}), record("a", {"c5": "no key"})]
    result = run([stream("a", "incremental", "append_dedup", **kinds)], messages)
    assert [(row[0], row[200]) for row in result.rows("a")] == [(1, "x")]
    assert [letter["data"] for letter in result.letters["a"]] == [{"c5": "no key"}]


def test_a_long_record_is_typed_by_itself(run: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("spool", "parts"):
        monkeypatch.setattr(f"services.airbyte.sources.protocol.{module}.LONG", 100_000)
    monkeypatch.setattr(wide.groups, "__defaults__", (100_000,))
    kinds = {"id": INTEGER, "text": TEXT, "list": {"type": "array"}, "day": DATE, "n": NUMBER}
    long = "é🎈" * 60_000
    messages = [
        record("a", {"id": 1, "text": "short"}),
        record("a", {"id": 2, "text": long, "list": [1, "ü"], "day": "2024-05-01", "n": long}),
        record("a", {"id": "3", "text": 5, "list": [long], "day": "soon"}),
        record("a", {"text": long}),
        record("a", [long]),
        record("a", {"id": 4}),
    ]
    result = run([stream("a", "incremental", "append_dedup", **kinds)], messages)
    rows = result.rows("a")
    assert [row[:4] for row in rows] == [
        (1, "short", None, None),
        (2, long, '[1,"ü"]', datetime.date(2024, 5, 1)),
        (3, "5", f'["{long}"]', None),
        (4, None, None, None),
    ]
    noted = [[change["field"] for change in row[-1]] for row in rows]
    assert noted == [[], ["n"], ["day"], []]
    assert [letter["data"] for letter in result.letters["a"]] == [{"text": long}, [long]]


def test_a_line_beyond_all_bounds_is_put_aside_by_its_beginning(
    run: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LONGEST_LINE", 3 << 20)
    monkeypatch.setattr("services.airbyte.sources.protocol.reading.LONGEST_LINE", 3 << 20)
    messages = [
        record("a", {"id": 1}),
        record("a", {"id": 2, "name": "x" * (5 << 20)}),
        record("a", {"id": 3}),
        record("a", {"id": 4, "name": "y" * (1 << 20)}),
    ]
    result = run([stream("a", "full_refresh", "append")], messages)
    assert result.error is None
    assert [row[0] for row in result.rows("a")] == [1, 3, 4]
    [letter] = result.letters["_unreadable"]
    assert letter["reason"].startswith("the line has 5 MB, more than the 3 MB that are read")
    assert letter["text"].startswith(
        '{"type": "RECORD", "record": {"stream": "a", "data": {"id": 2'
    )
    assert len(letter["text"]) == 100_000
