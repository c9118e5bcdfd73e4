"""Values of JSON in the columns' types; what does not fit is nulled and noted."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from pyiceberg.types import DoubleType, LongType, StringType, TimestampType, TimestamptzType

from services.airbyte.sources.protocol.schema import iceberg_type
from tests.unit.airbyte.protocol.conftest import Run, record, stream

UNFIT, LARGE = "DESTINATION_SERIALIZATION_ERROR", "DESTINATION_FIELD_SIZE_LIMITATION"
INTEGER, NUMBER, BOOLEAN = {"type": "integer"}, {"type": "number"}, {"type": ["null", "boolean"]}
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time", "airbyte_type": "timestamp_with_timezone"}
NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)

CASES: list[tuple[dict[str, Any], Any, Any, str | None]] = [
    (INTEGER, 12, 12, None),
    (INTEGER, 12.0, 12, None),
    (INTEGER, "12", 12, None),
    (INTEGER, 2**63 - 1, 2**63 - 1, None),
    (INTEGER, 1.5, None, UNFIT),
    (INTEGER, True, None, UNFIT),
    (INTEGER, "9" * 30, None, LARGE),
    (NUMBER, 1.25, 1.25, None),
    (NUMBER, "1.25", 1.25, None),
    (NUMBER, "NaN", None, UNFIT),
    (NUMBER, {"a": 1}, None, UNFIT),
    (BOOLEAN, True, True, None),
    (BOOLEAN, "FALSE", False, None),
    (BOOLEAN, 1, None, UNFIT),
    (BOOLEAN, None, None, None),
    (DATE, "2024-05-01", datetime.date(2024, 5, 1), None),
    (DATE, "soon", None, UNFIT),
    (DATE, "0000-01-01", None, UNFIT),
    (DATE, "10000-01-01", None, UNFIT),
    (DATE, "0044-03-15 BC", None, UNFIT),
    (DATE, "2024-05-01 or so", None, UNFIT),
    (DATE, "2024-05-01T12:00:00+02:00", datetime.date(2024, 5, 1), None),
    (MOMENT, "infinity", None, UNFIT),
    (MOMENT, "2024-05-01T12:00Z", NOON, None),
    (MOMENT, "2024-05-01t12:00:00.000z", NOON, None),
    (MOMENT, "2024-05-01 14:00 +0200", NOON, None),
    (MOMENT, "2024-05-01T12:00:00Z", NOON, None),
    (MOMENT, "2024-05-01 14:00:00+02:00", NOON, None),
    (MOMENT, 1714564800, None, UNFIT),
    ({"type": "string"}, 5, "5", None),
    ({"type": "string"}, "é\u0000", "é\u0000", None),
    ({"type": "object"}, {"a": [1, None]}, '{"a":[1,null]}', None),
    ({"type": "array"}, ["x"], '["x"]', None),
    ({"type": ["string", "integer"]}, 5, "5", None),
]


def test_each_value_is_as_its_type_or_noted(run: Callable[..., Run]) -> None:
    names = {f"c{n}": case[0] for n, case in enumerate(CASES)}
    data = {f"c{n}": case[1] for n, case in enumerate(CASES)}
    result = run([stream("a", "full_refresh", "append", **names)], [record("a", data)])
    [row] = result.rows("a")
    assert list(row[:-1]) == [case[2] for case in CASES]
    noted = {change["field"]: (change["change"], change["reason"]) for change in row[-1]}
    assert noted == {f"c{n}": ("NULLED", case[3]) for n, case in enumerate(CASES) if case[3]}


def test_what_the_source_noted_itself_is_kept(run: Callable[..., Run]) -> None:
    earlier = {"field": "name", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
    message = record("a", {"id": "x"}, meta={"changes": [earlier]})
    [row] = run([stream("a", "full_refresh", "append")], [message]).rows("a")
    later = {"field": "id", "change": "NULLED", "reason": UNFIT}
    assert row == (None, None, [earlier, later])


def test_lines_that_duckdb_refuses_are_read_as_python_reads_them(run: Callable[..., Run]) -> None:
    """A key twice, in the data and around it; changes in no form of the protocol's."""

    def line(inner: str) -> dict[str, str]:
        return {"raw": f'{{"type": "RECORD", "record": {{"stream": "a", {inner}}}}}'}

    noted = {"field": "name", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}
    messages = [
        record("a", {"id": 1, "name": "é"}, meta={"changes": [noted, 7]}),
        line('"data": {"id": 2, "name": "x", "name": 123456789012345678901234567890}'),
        line('"data": {"id": 0}, "data": {"id": 3}, "meta": "none"'),
        line('"data": {"id": 4, "ID": 5, "": 6}, "meta": {"changes": "none"}'),
        {"raw": '{"record": {"data": {"id": NaN}, "stream": "a"}, "type": "RECORD"}'},
    ]
    result = run([stream("a", "full_refresh", "append")], messages)
    assert result.error is None
    assert result.rows("a") == [
        (1, "é", [noted]),
        (2, "123456789012345678901234567890", []),
        (3, None, []),
        (4, None, []),
    ]
    assert [letter["text"] for letter in result.letters["_unreadable"]] == [messages[-1]["raw"]]


def test_names_that_need_quotes_and_a_stream_without_columns(run: Callable[..., Run]) -> None:
    odd = stream("a", "full_refresh", "append", **{"a \"b' c": INTEGER})
    assert run([odd], [record("a", {"a \"b' c": 4})]).rows("a") == [(4, [])]


def test_fields_that_no_table_tells_apart_are_named(run: Callable[..., Run]) -> None:
    alike = stream("a", "full_refresh", "append", **{"id": INTEGER, "ID": INTEGER, "": INTEGER})
    error = run([alike], [record("a", {"id": 1, "ID": 2})]).error
    assert error is not None
    assert "fields id differ from others in case only" in str(error)
    assert getattr(error, "kind", None) == "config_error"


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, LongType),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, DoubleType),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, StringType),
        ({"type": "number", "airbyte_type": "integer"}, LongType),
        ({"type": "string", "airbyte_type": "timestamp_without_timezone"}, TimestampType),
        ({"type": ["null", "string"], "format": "date-time"}, TimestamptzType),
        ({"type": "string", "airbyte_type": "big_integer"}, StringType),
        ({}, StringType),
        (True, StringType),
        ({"oneOf": [True, {"type": "integer"}]}, StringType),
        ({"anyOf": {"type": "integer"}, "type": "integer"}, LongType),
        ({"type": ["integer", {"type": "string"}]}, StringType),
        ({"type": "string", "airbyte_type": ["x"], "format": ["date"]}, StringType),
    ],
)
def test_types(schema: Any, kind: type) -> None:
    assert isinstance(iceberg_type(schema), kind)
