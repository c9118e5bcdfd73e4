"""A line is a message exactly when a strict reader of JSON says so; rows keep what JSON told."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from services.airbyte.sources.protocol.parts import row_of
from services.airbyte.sources.protocol.records import UNREAD, read_message
from tests.unit.airbyte.protocol.conftest import Run, record, stream

_AROUND = '{"type": "RECORD", "record": {"stream": "a", "data": %s}}'
_ROWS = [
    *('{"x": 1}', '{"x": -0.0, "y": 1E5}', '{"x": [1, {"a": "\\u00e9\\/"}]}', "{}", "null", "[1]"),
    *('{"x": "é🎈\u2028"}', '{"x": 123456789012345678901234567890}', '{"x": 1, "x": 2}', " { } "),
    *('{"x": NaN}', '{"x": Infinity}', '{"x": -}', '{"x": 01}', '{"x": 1.}', '{"x": nul}'),
    *('{"x": 1,}', '{"x": [1,]}', '{x: 1}', "{'x': 1}", '{"x": "\\x"}', '{"x": "\\ud800"}', '{"x"'),
    *('{"x": "a\tb"}', '{"x": "\udcff"}', '{} x', '{}}}{"type": "LOG"', "", '{"x": "\\ude00"}'),
]  # fmt: skip


@pytest.mark.parametrize("row", _ROWS)
def test_what_no_strict_reader_takes_is_not_read(row: str) -> None:
    line = (_AROUND % row).encode(errors="surrogateescape")
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        with pytest.raises(UNREAD):
            read_message(line)
        return
    found = read_message(line).record
    assert found is not None
    assert orjson.loads(bytes(row_of(found))) == told["record"]["data"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "RECORD", "record": "text"}',
        b'{"type": "RECORD", "record": {"data": {}}}',
        b'{"type": "RECORD", "record": {"stream": 7, "data": {}}}',
        b'{"type": "RECORD", "record": {"stream": "a"}}',
        b'{"type": null}',
        b'["type"]',
        b"plain words",
    ],
)
def test_what_is_in_no_form_of_the_protocols_is_not_read(line: bytes) -> None:
    with pytest.raises(UNREAD):
        read_message(line)


def test_random_rows_are_what_was_sent(run: Callable[..., Run]) -> None:
    chance = random.Random(7)  # noqa: S311 - the same rows every time
    kinds = {"id": "integer", "f": "number", "b": "boolean", "s": "string", "o": "object"}
    sent = [_row(chance, kinds) for _ in range(400)]
    wanted = stream("a", "full_refresh", "append", **{n: {"type": k} for n, k in kinds.items()})
    lines = [
        {"raw": json.dumps(record("a", row), ensure_ascii=chance.random() < 0.5)} for row in sent
    ]
    result = run([wanted], lines)
    assert result.error is None
    assert result.letters == {}
    rows = result.rows("a")
    for row, found in zip(sent, rows, strict=True):
        whole, number, flag, text, tree, noted = found
        expected = row.get("id")
        assert whole == (expected if expected is None or abs(expected) < 2**63 else None)
        assert number == row.get("f")
        assert flag is row.get("b")
        assert text == row.get("s")
        assert (None if tree is None else json.loads(tree)) == row.get("o")
        assert [change["field"] for change in noted] == ["id"] * (whole != expected)


def test_a_number_beyond_all_doubles_is_nulled_and_noted(run: Callable[..., Run]) -> None:
    kinds = {"id": {"type": "integer"}, "f": {"type": "number"}, "s": {"type": "string"}}
    line = {"raw": _AROUND % '{"id": 1, "f": 1e400, "s": 1e400}'}
    [row] = run([stream("a", "full_refresh", "append", **kinds)], [line]).rows("a")
    assert row[:3] == (1, None, "1e400")
    assert [change["field"] for change in row[3]] == ["f"]


def _row(chance: random.Random, kinds: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Callable[[], Any]] = {
        "integer": lambda: chance.randrange(-(2 ** chance.choice([4, 53, 63, 70])), 2**64),
        "number": lambda: math.ldexp(chance.uniform(-1, 1), chance.randrange(-200, 200)),
        "boolean": lambda: chance.random() < 0.5,
        "string": lambda: _text(chance),
        "object": lambda: {_text(chance): _tree(chance) for _ in range(3)},
    }
    row = {
        name: values[kind]() if chance.random() < 0.9 else None
        for name, kind in kinds.items()
        if chance.random() < 0.9
    }
    return {**row, "ID": "another", "more": _tree(chance)}


def _tree(chance: random.Random, depth: int = 0) -> Any:
    if depth < 3 and chance.random() < 0.4:
        return [_tree(chance, depth + 1) for _ in range(chance.randrange(4))]
    return chance.choice([None, True, -5, 2**62, 0.25, _text(chance), {_text(chance): 1}])


def _text(chance: random.Random) -> str:
    return "".join(chance.choices("ab \"'\\/{}[],:\n\t\0é🎈\u2028", k=chance.randrange(9)))
