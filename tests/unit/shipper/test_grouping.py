"""Tracebacks and messages over several lines become one record each."""

from __future__ import annotations

import datetime
import traceback

from services.shipper.files import Line
from services.shipper.grouping import Group, grouped, unfinished
from services.shipper.parse import Parser

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
JSON = '{"timestamp":"2026-11-21T09:00:00Z","level":"INFO","service":"dremio","message":"m"}'


def lines(text: str, inode: str = "1") -> list[Line]:
    return [
        Line("dremio", f"{inode}-{at}", line, inode, at)
        for at, line in enumerate(text.splitlines())
        if line.strip()
    ]


def chained() -> str:
    """Return what the interpreter itself prints for an error raised while handling another."""
    try:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("two\n  lines") from error
    except ValueError:
        return traceback.format_exc()


def test_a_chained_traceback_between_json_lines_is_one_record() -> None:
    groups = list(grouped(lines(f"{JSON}\n{chained()}{JSON}\n")))
    assert [group.traceback for group in groups] == [False, True, False]
    text = groups[1].text
    assert "KeyError: 'missing'" in text
    assert "The above exception was the direct cause" in text
    assert "ValueError: two" in text
    parser = Parser("dremio")
    parser.parse(JSON, NOW)
    plain = "Traceback (most recent call last):\n  File x\nValueError: no"
    record = parser.parse_group(plain, NOW, traceback=True)
    assert record["level"] == "ERROR"
    assert record["message"] == "ValueError: no"
    assert record["stack_trace"] == plain
    assert record["timestamp"] == "2026-11-21T09:00:00.000Z"


def test_two_tracebacks_are_two_records() -> None:
    one = "Traceback (most recent call last):\n  File x\nValueError: no\n"
    assert [len(g.lines) for g in grouped(lines(one * 2))] == [3, 3]


def test_indented_lines_go_on_with_a_text_record_but_not_with_json_or_another_file() -> None:
    text = "2026-11-21 09:46:42.123 UTC [42] ERROR:  syntax error\n\tat character 12"
    groups = list(grouped(lines(text)))
    assert [g.text for g in groups] == [text]
    record = Parser("postgres").parse_group(groups[0].text, NOW, traceback=False)
    assert record["message"] == "syntax error\n\tat character 12"
    assert len(list(grouped(lines(f"{JSON}\n  indented")))) == 2
    assert len(list(grouped(lines("text") + lines("  indented", inode="2")))) == 2


def test_only_a_half_traceback_at_its_files_end_is_waited_for() -> None:
    def half(text: str) -> set[str]:
        found: list[Group] = list(grouped(lines(text)))
        return unfinished(found)

    assert half("Traceback (most recent call last):\n  File x") == {"1-0"}
    assert half("Traceback (most recent call last):\n  File x\nValueError: no") == set()
    assert half(f"Traceback (most recent call last):\n  File x\n{JSON}") == set()
    assert half(JSON) == set()
