"""Patterns of the metadata calls, and the protocol's messages."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any

from services.dremio.wire.flight import messages
from services.dremio.wire.flight.metadata import matches
from services.dremio.wire.flight.sql_info import sql_info


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (None, "anything", True),
        ("%", "", True),
        ("g_ld", "gold", True),
        ("g_ld", "goold", False),
        ("GO%", "gold.lake", True),
        ("a.b", "axb", False),
        (r"a\_b", "a_b", True),
        (r"a\_b", "axb", False),
        (r"100\%", "100%", True),
        ("[a-z]+", "abc", False),
    ],
)
def test_patterns_are_those_of_like(pattern: str | None, value: str, fits: bool) -> None:
    assert matches(pattern, value) is fits


def test_messages_are_wrapped_as_the_protocol_says() -> None:
    data = messages.wrap(messages.new("CommandStatementQuery", query="SELECT 1"))
    assert Any.FromString(data).type_url == (
        "type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    )
    # Field 1, length-delimited.
    assert Any.FromString(data).value == b"\x0a\x08SELECT 1"
    name, message = messages.unwrap(data) or ("", None)
    assert (name, message.query, message.HasField("transaction_id")) == (  # type: ignore[union-attr]
        "CommandStatementQuery",
        "SELECT 1",
        False,
    )


@pytest.mark.parametrize("data", [b"", b"SELECT 1", b"\xff\xff", b"\n\x05hello"])
def test_anything_else_is_no_message(data: bytes) -> None:
    assert messages.unwrap(data) is None


def test_sql_info_answers_what_was_asked() -> None:
    table = sql_info("26.0.0", [1, 8, 99999])
    assert table.to_pylist() == [
        {"info_name": 1, "value": "26.0.0"},
        {"info_name": 8, "value": 0},
    ]
    assert sql_info("26.0.0", []).num_rows > 10
