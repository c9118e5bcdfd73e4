from __future__ import annotations

import pytest

from services.airbyte.sources.mysql.cursor import (
    Position,
    Window,
    literal,
    lowest,
    new_in_window,
    to_state,
    unseen_below,
)
from services.airbyte.sources.mysql.types import Declared, map_type

WINDOW = Window("90", ("id", "n"), ("aa", "bb"))
STATE = to_state("t", "shop", "n", "100", 0, WINDOW)


def test_a_state_comes_back_as_it_was() -> None:
    assert Position.from_state(STATE, "n") == Position("100", 0, WINDOW)
    assert Position.from_state(STATE, "other") is None
    assert Position.from_state(None, "n") is None


def test_a_cursor_set_by_hand_leaves_the_window() -> None:
    position = Position.from_state({**STATE, "cursor": "50"}, "n")
    assert position is not None
    assert position.window is None
    assert unseen_below(position, "`n`", "200", False) == "(`n` < 200 AND `n` > 50)"


def test_the_window_begins_where_no_group_of_equal_values_is_cut() -> None:
    assert lowest(["9", "8", "7"], 3) == "7"
    assert lowest(["9", "8", "7", "7"], 3) == "8"
    assert lowest(["9", "9", "9", "9"], 3) is None
    assert lowest([], 3) is None


def test_a_first_read_takes_rows_without_a_value_too() -> None:
    assert unseen_below(None, "`n`", "5", False) == "(`n` < 5 OR `n` IS NULL)"
    assert new_in_window(None, "`n`", False) == "TRUE"


def test_a_window_that_moved_down_does_not_bring_what_lay_below_the_old_one() -> None:
    position = Position.from_state(STATE, "n")
    assert new_in_window(position, "`n`", False) == "`n` >= 90"


@pytest.mark.parametrize(
    ("value", "quoted", "expected"),
    [
        ("12345678901234567890.5", False, "12345678901234567890.5"),
        ("1 OR 1=1", False, "'1 OR 1=1'"),
        ("it's", True, "'it''s'"),
        ("a\\", True, "CONVERT(x'615c' USING utf8mb4)"),
    ],
)
def test_literals(value: str, quoted: bool, expected: str) -> None:
    assert literal(value, quoted) == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (Declared("tinyint", "tinyint(1)"), "boolean"),
        (Declared("tinyint", "tinyint(1) unsigned"), "int"),
        (Declared("bit", "bit(1)", 1), "boolean"),
        (Declared("bit", "bit(8)", 8), "binary"),
        (Declared("int", "int(10) unsigned"), "long"),
        (Declared("bigint", "bigint(20) unsigned"), "decimal(20, 0)"),
        (Declared("decimal", "decimal(38,9)", 38, 9), "decimal(38, 9)"),
        (Declared("decimal", "decimal(39,9)", 39, 9), "string"),
        (Declared("vector", "vector(3)"), "string"),
    ],
)
def test_types(declared: Declared, expected: str) -> None:
    assert str(map_type(declared).type) == expected


def test_tinyint1_as_a_number_when_asked() -> None:
    assert str(map_type(Declared("tinyint", "tinyint(1)"), tinyint1_is_bit=False).type) == "int"
