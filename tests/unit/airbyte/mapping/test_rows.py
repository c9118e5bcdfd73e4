"""What a source gives, through mappers, as SQL: compared with Python's own hashes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.columns import Column
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.log import KEPT, OP, SEQ, Changes
from services.airbyte.cdk.source import Reading
from services.airbyte.destination.spool import NOTED, Spool
from services.airbyte.mapping.rows import map_changes, map_reading
from tests.support.mappers import dropping, equal, hashing, none_of, renaming, row_filter, sha

Json = dict[str, Any]
HASHES: dict[str, Callable[[bytes], Any]] = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
}


def stream(*mappers: Json, target: str = "append_dedup") -> ConfiguredStream:
    names = ("id", "mail", "note")
    entry = {
        "stream": {"name": "people", "jsonSchema": {"properties": {name: {} for name in names}}},
        "config": {
            "syncMode": "incremental",
            "destinationSyncMode": target,
            "cursorField": ["id"],
            "primaryKey": [["id"]],
            "mappers": list(mappers),
        },
    }
    return configured_streams({"streams": [entry]})[0]


def reading(rows: str, *columns: Column, **more: Any) -> Reading:
    return Reading(columns, f"(VALUES {rows}) AS t({more.pop('names')})", lambda: None, **more)


def people(rows: str = "(1, 'a@x', 'n'), (2, NULL, 'm'), (3, 'ü@x', NULL)", **more: Any) -> Reading:
    columns = (
        Column("id", IntegerType()),
        Column("mail", StringType()),
        Column("note", StringType()),
    )
    return reading(rows, *columns, names="id, mail, note", **more)


def run(given: Reading, *mappers: Json) -> list[Any]:
    _, mapped = map_reading(stream(*mappers), given)
    names = ", ".join(f'"{column.name}"' for column in mapped.columns)
    return duckdb.sql(f"SELECT {names} FROM {mapped.relation} ORDER BY 1").fetchall()


@pytest.mark.parametrize("method", HASHES)
def test_a_hash_is_that_of_the_text_in_utf_8(method: str) -> None:
    got = run(people(), hashing("mail", method), dropping("note"))
    assert got == [
        (1, HASHES[method](b"a@x").hexdigest()),
        (2, None),
        (3, HASHES[method]("ü@x".encode()).hexdigest()),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (IntegerType(), "-7", "-7"),
        (LongType(), "9007199254740993", "9007199254740993"),
        (BooleanType(), "true", "true"),
        (DecimalType(10, 2), "12.50", "12.5"),
        (DecimalType(10, 2), "100", "100"),
        (DecimalType(10, 0), "100", "100"),
        (DateType(), "DATE '2024-02-29'", "2024-02-29"),
        (TimeType(), "TIME '23:59:59.5'", "23:59:59.500000"),
        (TimestampType(), "TIMESTAMP '2024-02-29 12:00:00.25'", "2024-02-29T12:00:00.250000"),
        (
            TimestamptzType(),
            "TIMESTAMPTZ '2024-02-29 12:00:00+02'",
            "2024-02-29T10:00:00.000000Z",
        ),
        (BinaryType(), "'\\x00\\xFFa'::BLOB", base64.b64encode(b"\x00\xffa").decode()),
        (StringType(), "' it''s '", " it's "),
    ],
)
def test_other_values_are_hashed_as_their_text_in_json(
    kind: IcebergType, value: str, text: str
) -> None:
    given = reading(f"(1, {value})", Column("id", IntegerType()), Column("v", kind), names="id, v")
    _, mapped = map_reading(stream(hashing("v", suffix="")), given)
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        assert duck.execute(f"SELECT v FROM {mapped.relation}").fetchone() == (sha(text),)
    # What a filter compares is the same text.
    [passing] = [map_reading(stream(row_filter(equal("v", text))), given)[1]]
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        assert duck.execute(f"SELECT count(*) FROM {passing.relation}").fetchone() == (1,)


def test_mappers_act_in_their_order() -> None:
    twice = run(people(), hashing("mail"), hashing("mail_hashed", "MD5", ""), dropping("note"))
    once = sha("a@x")
    assert once is not None
    assert twice[0] == (1, HASHES["MD5"](once.encode()).hexdigest())
    swapped = run(people(), renaming("mail", "x"), renaming("note", "mail"), renaming("x", "note"))
    assert swapped[0] == (1, "a@x", "n")  # called note and mail, in the places they had
    by_hash = run(people(), hashing("mail"), row_filter(equal("mail_hashed", once)))
    assert [row[0] for row in by_hash] == [1]
    swap_and_filter = run(
        people(),
        renaming("mail", "x"),
        renaming("note", "mail"),
        renaming("x", "note"),
        row_filter(equal("mail", "n")),
    )
    assert [row[0] for row in swap_and_filter] == [1]


@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        (equal("mail", "a@x"), [1]),
        (none_of(equal("mail", "a@x")), [2, 3]),
        (none_of(equal("mail", "a@x"), equal("note", "m")), [3]),
        (none_of(none_of(equal("mail", "a@x"), equal("note", "m"))), [1, 2]),
        (equal("note", "null"), []),
        (equal("id", "2"), [2]),
        (equal("mail", "'; --"), []),
    ],
)
def test_a_filter_lets_pass_what_its_condition_holds_for(
    condition: Json, passing: list[int]
) -> None:
    assert [row[0] for row in run(people(), row_filter(condition))] == passing


def test_key_and_cursor_follow_and_what_was_nulled_is_told_by_the_new_name() -> None:
    given = people(nulled={"mail": ("mail = 'a@x'", "WHY"), "note": ("note = 'm'", "WHY")})
    mapped, out = map_reading(
        stream(renaming("id", "person"), hashing("person"), hashing("mail"), dropping("note")),
        given,
    )
    assert (mapped.primary_key, mapped.cursor_field) == (("person_hashed",), "person_hashed")
    assert [column.name for column in out.columns] == ["person_hashed", "mail_hashed"]
    [(name, (test, reason))] = out.nulled.items()
    assert (name, reason) == ("mail_hashed", "WHY")
    got = duckdb.sql(f"SELECT mail_hashed, {test} FROM {out.relation} ORDER BY 2 DESC").fetchall()
    assert got == [(None, True), (sha("ü@x"), False), (None, None)]


def test_notes_of_the_source_and_its_order_come_along() -> None:
    given = people("(1, 'a@x', [{'field': 'mail', 'change': 'NULLED', 'reason': 'R'}])")
    given = Reading(given.columns[:2], given.relation, lambda: None, changes="note", order="id")
    _, out = map_reading(stream(renaming("mail", "post")), given)
    found = duckdb.sql(f"SELECT note[1].field, note[1].reason FROM {out.relation}").fetchone()
    assert found == ("post", "R")


def test_a_column_that_is_gone_needs_no_hash_but_a_filter_needs_its_column() -> None:
    assert run(people(), hashing("gone"), renaming("gone", "x"), dropping("none"))[0][0] == 1
    with pytest.raises(ConnectorError, match="no field 'gone'"):
        run(people(), row_filter(equal("gone", "x")))
    with pytest.raises(ConnectorError, match="a field 'note' already"):
        run(people(), renaming("mail", "note"))


def changes(*rows: tuple[Any, ...], to: ConfiguredStream, **more: Any) -> Changes:
    names = (SEQ, OP, KEPT, "id", "mail", "note")
    kinds = (pa.int64(), pa.string(), pa.list_(pa.string()), pa.string(), pa.string(), pa.string())
    batch = pa.table(
        {
            name: pa.array(values, kind)
            for name, kind, values in zip(names, kinds, zip(*rows, strict=True), strict=True)
        }
    )
    return Changes(to, people().columns, batch, **more)


def spooled(given: Changes) -> tuple[Any, list[Any]]:
    with duckdb.connect() as duck:
        spool = Spool(duck)
        spool.add(map_changes(duck, given))
        [one] = spool
        query = f"SELECT * FROM {one.parts[0].name} ORDER BY {SEQ}"
        return one, [tuple(row) for row in duck.execute(query).fetchall()]


def test_changes_are_hashed_and_what_leaves_the_filter_takes_its_row_along() -> None:
    mappers = (hashing("mail"), dropping("note"), row_filter(equal("mail_hashed", str(sha("a")))))
    rows = (
        (1, "U", None, "1", "a", "x"),
        (2, "U", None, "1", "b", "x"),
        (3, "M", None, "2", "b", None),
        (4, "D", None, "3", "c", None),
        (5, "T", None, None, None, None),
    )
    one, got = spooled(changes(*rows, to=stream(*mappers)))
    assert [column.name for column in one.parts[0].columns] == ["id", "mail_hashed"]
    assert [row[:2] + row[3:5] for row in got] == [
        (1, "U", 1, sha("a")),
        (2, "UX", 1, sha("b")),
        (3, "MX", 2, sha("b")),
        (4, "D", 3, sha("c")),
        (5, "T", None, None),
    ]
    one, got = spooled(changes(*rows, to=stream(*mappers, target="append")))
    assert [row[1] for row in got] == ["U", "D", "T"]
    assert [row[3:5] for row in got] == [(1, sha("a")), (3, None), (None, None)]
    assert one.rows == 3
    assert one.truncated == 5


def test_names_of_what_the_log_does_not_hold_are_those_that_land() -> None:
    mappers = (hashing("mail"), dropping("note"))
    rows = (
        (1, "U", ["note"], "1", "a", None),
        (2, "U", ["mail", "note"], "1", None, None),
        (3, "U", None, "1", "a", "n"),
    )
    one, got = spooled(changes(*rows, to=stream(*mappers)))
    assert [row[2] for row in got] == [None, ["mail_hashed"], None]
    assert one.incomplete


def test_a_filter_that_cannot_be_decided_is_refused() -> None:
    rows = ((1, "U", ["note"], "1", "a", None),)
    to = stream(row_filter(equal("mail", "a")))
    assert spooled(changes(*rows, to=to))[1][0][1] == "U"
    with pytest.raises(ConnectorError, match=r"column 'note'.*REPLICA IDENTITY FULL"):
        spooled(changes(*rows, to=stream(row_filter(none_of(equal("note", "a"))))))


def test_values_and_notes_of_changes_follow_their_columns() -> None:
    given = changes(
        (1, "U", None, "1", "a", "bad"),
        to=stream(renaming("mail", "note2"), hashing("note", suffix="")),
        values={"mail": "upper(mail)"},
        nulled={"note": ("note = 'bad'", "WHY")},
    )
    one, [row] = spooled(given)
    assert [column.name for column in one.parts[0].columns] == ["id", "note2", "note"]
    assert row[3:6] == (1, "A", None)
    assert row[6] == [{"field": "note", "change": "NULLED", "reason": "WHY"}]
    assert NOTED
