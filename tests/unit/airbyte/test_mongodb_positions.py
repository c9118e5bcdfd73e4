"""Positions in MongoDB's oplog, and the states that hold them."""

from __future__ import annotations

import pytest

from services.airbyte.cdk.shared_states import OWN, SHARED
from services.airbyte.sources.mongodb.cdc.config import (
    Position,
    cursor,
    from_state,
    to_state,
    token_time,
)
from services.airbyte.sources.mongodb.page import PAGE, page

AT = 1_700_000_000 << 32 | 3
# Of a real MongoDB 6.0: an event's token, and one that stands for a time alone.
EVENT = (
    "8264F1F4D2000000012B022C0100296E5A10046D0E0D9BB7E0413AA4D6E6E7CCB9E3A446645F696400645F0D"
    "0F61C4E5A1B6C1F3A50004"
)
TIME = "8264F1F4D2000000012B0229296E04"


def test_the_time_stands_in_the_token() -> None:
    assert token_time(EVENT) == 0x64F1F4D2 << 32 | 1
    assert token_time(EVENT) == token_time(TIME)
    with pytest.raises(ValueError, match="no resume token"):
        token_time("gQAAAAEAAAAB")


def test_positions_sort_as_their_changes_do() -> None:
    at = token_time(EVENT)
    ordered = [
        Position(at - 1),
        Position(at, TIME),  # changes of this time are still to come
        Position(at, EVENT),
        Position(at),  # a snapshot: all of this time is in it
        Position(at + 1, TIME),
    ]
    assert sorted(ordered, key=lambda one: one.order) == ordered


def test_the_cursor_grows_with_the_oplog() -> None:
    seen = [
        cursor(AT, 0),
        cursor(AT, 1),
        cursor(AT, 99),
        cursor(AT + 1, 0),
        cursor((AT >> 32) + 1 << 32, 0),
    ]
    assert seen == sorted(set(seen))
    assert seen[0] == 1_700_000_000 * 100_000_000 + 300
    assert cursor(AT, 5000) == cursor(AT, 99)  # not beyond the next operation's


def test_a_state_holds_what_it_was_made_of() -> None:
    state = to_state(Position(AT, EVENT), "rs0", schema_enforced=False, fields={"new": "long"})
    known = from_state(state)
    assert known is not None
    assert (known.position, known.server) == (Position(AT, EVENT), "rs0")
    assert (known.schema_enforced, known.fields) == (False, {"new": "long"})
    assert from_state(None) is None
    assert from_state({"state_type": "cursor_based", "cursor": "5"}) is None


def test_a_state_of_airbytes_own_connector_is_understood() -> None:
    offset = '{"sec":1693578450,"ord":1,"resume_token":"' + EVENT + '"}'
    shared = {
        "state": {'["mongodb://db1,db2",{"server_id":"mongodb://db1,db2"}]': offset},
        "schema_enforced": True,
    }
    own = {"id": "64f24244f95155351c4185b1", "status": "COMPLETE", "idType": "OBJECT_ID"}
    known = from_state({SHARED: shared, OWN: own})
    assert known is not None
    assert known.position == Position(token_time(EVENT), EVENT)
    assert known.server is None


def test_the_page_has_the_types_of_the_code() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "run python -m services.airbyte.sources.mongodb.page"
