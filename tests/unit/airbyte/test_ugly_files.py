"""Files as they come: nothing is lost or made something else without a word."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from services.airbyte import engine
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.sources.file import delimited
from tests.unit.airbyte.conftest import Read


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["9223372036854775808", "5"], [Decimal(9223372036854775808), Decimal(5)]),
        (["1" * 48, "5"], ["1" * 48, "5"]),
        (["1e5", "3"], [100_000.0, 3.0]),
        (["2024-01-02", "02/28/2024"], ["2024-01-02", "02/28/2024"]),
        (["01/02/2024", "03/04/2024"], ["01/02/2024", "03/04/2024"]),  # which day is it?
        (["01/31/2024", "03/04/2024"], [datetime.date(2024, 1, 31), datetime.date(2024, 3, 4)]),
        (["31.01.2024", "01.02.2024"], [datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)]),
        (['"a\nb ""x"", y"', "01234"], ['a\nb "x", y', "01234"]),
        (["x" * 3_000_000, "y"], ["x" * 3_000_000, "y"]),
    ],
)
def test_values_of_csv_are_kept(read: Read, values: list[str], expected: list[Any]) -> None:
    text = "id,v\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))
    assert read({"a.csv": text.encode()}, "a.csv") == list(enumerate(expected))


def test_day_first_and_types_are_taken_as_pandas_takes_them(read: Read) -> None:
    text = b"id,v\n1,01/02/2024\n"
    for first, found in ((True, (2, 1)), (False, (1, 2))):
        assert read({"a.csv": text}, "a.csv", dayfirst=first) == [(1, datetime.date(2024, *found))]
    assert read({"a.csv": b"id,v\n1,2\n"}, "a.csv", dtype={"v": "float", "id": "str"}) == [
        ("1", 2.0)
    ]
    with pytest.raises(ConnectorError, match="dtype complex in reader_options is not known"):
        read({"a.csv": text}, "a.csv", dtype={"v": "complex"})


def test_a_column_that_is_to_be_whole_is_not_rounded(read: Read) -> None:
    how: dict[str, Any] = {"thousands": "'", "dtype": {"v": "int"}, "on_bad_lines": "skip"}
    files = {"a.csv": b"id,v\n1,5\n2,\n3,7'000\n4,x\n"}
    assert read(files, "a.csv", **how) == [(1, 5), (2, None), (3, 7000)]
    assert [one["text"] for one in read.refused] == ["4,x"]
    with pytest.raises(ConnectorError, match=r"column v has fractions, and dtype .* says int"):
        read({"a.csv": b"id,v\n1,5\n2,5.5\n"}, "a.csv", **how)


def test_dates_that_no_reader_knows_are_noted(read: Read) -> None:
    text = b"id,v\n1,10000-01-01\n2,2024-01-01\n3,\n"
    assert read({"a.csv": text}, "a.csv") == [(1, None), (2, datetime.date(2024, 1, 1)), (3, None)]
    stamps = pa.array([-(10**17), 3 * 10**17, 0], pa.timestamp("us"))
    packed = parquet({"id": [1, 2, 3], "v": stamps})
    epoch = datetime.datetime(1970, 1, 1)
    assert read({"a.parquet": packed}, "a.parquet", "parquet") == [(1, None), (2, None), (3, epoch)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('id,v\n1,"5" pipe"\n2,b\n3,c\n', '1,"5" pipe"'),
        ('id,v\n2,b\n3,c\n4,"open\n', '4,"open\n'),
        ("id,v\n2,b\n3,c\n4,d,e\n", "4,d,e"),
    ],
)
def test_lines_that_are_no_csv_are_put_aside(read: Read, text: str, line: str) -> None:
    files = {"a.csv": text.encode()}
    assert read(files, "a.csv", on_bad_lines="skip") == [(2, "b"), (3, "c")]
    assert [one["text"] for one in read.refused] == [line]
    with pytest.raises(ConnectorError, match=r"a.csv, line \d: .*on_bad_lines"):
        read(files, "a.csv")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('id,v\r\n1,"a\nb"\n2,"c\r\nd"\r3,"e""\rf"', {}),  # every end there is
        ('id,"v\nv"\r\n1,"a\nb"\r\n2,"c\r\nd"\r\n3,"e""\rf"\r\n', {}),  # a cell's end is first
        ('\ufeff"id","v\r\nv"\n1,"a\nb"\n2,"c\r\nd"\n3,"e""\rf"\n', {}),
        ('id;v\r1;|a\nb|\r2;|c\r\nd|\r\n3;|e"\rf|\n', {"quotechar": "|", "sep": ";"}),
        ('id,v\r\n1,"a\nb"\n2,"c\r\nd"\n3,"e\\"\rf"\r\n', {"escapechar": "\\"}),
    ],
)
def test_lines_of_csv_that_end_in_several_ways(
    read: Read, text: str, options: dict[str, str]
) -> None:
    rows = read({"a.csv": text.encode()}, "a.csv", **options)
    assert rows == [(1, "a\nb"), (2, "c\r\nd"), (3, 'e"\rf')]


def test_refused_lines_are_told_by_their_numbers_in_the_file(read: Read) -> None:
    lines = ["id,v", "0,ä"] + [f'{n},"two\r\nlines"' for n in range(1, 2000)]
    bad = {5: "x,ä,y", 700: '"open" ä,2', 1500: "1,2,3"}
    for place, text in bad.items():
        lines.insert(place, text)
    whole = "\r\n".join(lines)
    for encoding in ("latin-1", "utf-8"):
        files = {"a.csv": whole.encode(encoding)}
        assert len(read(files, "a.csv", on_bad_lines="skip", encoding=encoding)) == 2000
        told = [(one["line"], one["text"]) for one in read.refused]
        there = whole.split("\r\n")
        assert told == [(there.index(text) + 1, text) for text in bad.values()]


def test_a_line_that_is_no_csv_among_ends_of_several_ways(read: Read) -> None:
    files = {"a.csv": b'id,v\r\n1,"a\nb"\n2,b,c\r\n3,d\n'}
    assert read(files, "a.csv", on_bad_lines="skip") == [(1, "a\nb"), (3, "d")]
    assert [(one["line"], one["text"]) for one in read.refused] == [(4, "2,b,c")]


@pytest.mark.parametrize("bad", ['{"id":', "[1, 2]", "5"])
def test_lines_that_are_no_object_are_put_aside(read: Read, bad: str) -> None:
    text = f'{{"id": 1}}\n{bad}\n{{}}\n{{"id": 2}}\n'
    files = {"a.jsonl": text.encode()}
    found = read(files, "a.jsonl", "jsonl", on_bad_lines="skip")
    assert sorted(found, key=str) == [(1,), (2,), (None,)]
    assert [(one["line"], one["text"]) for one in read.refused] == [(2, bad)]
    with pytest.raises(ConnectorError, match=r"a\.jsonl, line 2: "):
        read(files, "a.jsonl", "jsonl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"id":1,"ID":2,"":3,"a/b":4}\n{"Id":5}',
            [(1, 2, 3, 4, None), (None, None, None, None, 5)],
        ),
        ('{"v":123456789012345678901234567890}', [(Decimal("123456789012345678901234567890"),)]),
        ('\ufeff{"v":1}\n', [(1,)]),
        (
            '{"v":"2024-01-02T03:04:05Z"}\n{"v":"2024-01-02T03:04:05.5+02:00"}',
            [
                (datetime.datetime(2024, 1, 2, 1, 4, 5, 500000, tzinfo=datetime.UTC),),
                (datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),),
            ],
        ),
        ('{"o":{"a":1}}\n{"o":[1,"x"]}', [('[1,"x"]',), ('{"a":1}',)]),
        ('{"o":{"a":1,"A":{"b":2}},"v":1}\n{"v":2}', [('{"a":1,"A":{"b":2}}', 1), (None, 2)]),
    ],
)
def test_values_of_json_lines_are_kept(read: Read, text: str, expected: list[Any]) -> None:
    assert read({"a.jsonl": text.encode()}, "a.jsonl", "jsonl") == expected


def test_keys_that_differ_in_case_keep_their_values_in_many_lines(read: Read) -> None:
    # Without a newline at its end the last line is read by itself, often before the others.
    text = '{"id": 1}\n' * 3000 + '{"Id": 5}'
    rows = read({"a.jsonl": text.encode()}, "a.jsonl", "jsonl")
    assert (rows.count((1, None)), rows.count((None, 5))) == (3000, 1)


def test_many_keys_are_columns(read: Read) -> None:
    text = "".join(f'{{"k{number}": 1}}\n' for number in range(300))
    assert len(read({"a.jsonl": text.encode()}, "a.jsonl", "jsonl")[0]) == 300


def parquet(columns: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table(columns), packed)
    return packed.getvalue()


def test_parquet_types_that_tables_have_not(read: Read) -> None:
    wide = pa.array([Decimal("1.50"), Decimal("-" + "9" * 48 + ".25")], pa.decimal256(50, 2))
    packed = parquet({"id": [1, 2], "d": wide, "t": pa.array([1000, None], pa.time32("ms"))})
    assert read({"a.parquet": packed}, "a.parquet", "parquet") == [
        (1, "1.50", datetime.time(0, 0, 1)),
        (2, "-" + "9" * 48 + ".25", None),
    ]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_in_whichever_way(read: Read, pack: Callable[[bytes], bytes]) -> None:
    assert read({"a.csv.x": pack(b"id,v\n1,a\n")}, "a.csv.x") == [(1, "a")]


def test_archives_with_a_packed_file_and_what_macos_adds(read: Read) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv.gz", gzip.compress(b"id,v\n1,a\n"))
        archive.writestr("__MACOSX/._a.csv.gz", b"junk")
    assert read({"a.zip": packed.getvalue()}, "a.zip") == [(1, "a")]


def book(*rows: list[Any], second: list[Any] | None = None) -> dict[str, bytes]:
    made, packed = openpyxl.Workbook(), io.BytesIO()
    made.epoch = CALENDAR_MAC_1904
    assert made.active is not None
    for row in rows:
        made.active.append(row)
    if second:
        made.create_sheet("Second").append(second)
    made.save(packed)
    return {"a.xlsx": packed.getvalue()}


def test_sheets_are_read_to_their_end(read: Read) -> None:
    day = datetime.datetime(2024, 1, 31)
    files = book(["id", "v", None, "ID"], [1, 5, day, 1], [None] * 4, [2, "x", None, 2.5])
    assert read(files, "a.xlsx", "excel") == [
        (1.0, "5", day.date(), 1.0),
        (2.0, "x", None, 2.5),
    ]


def test_sheets_by_number(read: Read) -> None:
    files = book(["id"], [1], second=["other"])
    assert read(files, "a.xlsx", "excel", sheet_name=1, header=None) == [("other",)]
    with pytest.raises(ConnectorError, match=r"has no sheet 2: .*Sheet, Second"):
        read(files, "a.xlsx", "excel", sheet_name=2)


def test_a_column_without_values_takes_the_type_of_the_others(read: Read) -> None:
    files = {"1.csv": b"id,v,w\n1,,\n", "2.csv": b"id,v,w\n2,7,\n", "3.csv": b"id,v,w\n"}
    assert read(files, "*.csv") == [(1, None, None), (2, 7, None)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("true", "5", ["true", "5"]),
        ("5", "2024-01-01", ["5", "2024-01-01"]),
        ("10:00:00", "2024-01-01", ["10:00:00", "2024-01-01"]),
        ("5", "1.5", [5.0, 1.5]),
    ],
)
def test_columns_of_unlike_kinds_in_two_files_are_text(
    read: Read, first: str, second: str, expected: list[Any]
) -> None:
    files = {"1.csv": f"id,v\n1,{first}\n".encode(), "2.csv": f"id,v\n2,{second}\n".encode()}
    assert [value for _, value in read(files, "*.csv")] == expected


def test_a_large_file_of_short_lines_fits_a_syncs_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    columns = 20
    line = ",".join("value" for _ in range(columns))
    path.write_text(",".join(f"c{n}" for n in range(columns)) + "\n" + f"{line}\n" * 250_000)
    duck = engine.connect(tmp_path / "spill", memory="256MB")
    opened = delimited.read(duck, path, {"url": "large.csv", "format": "csv"}, tmp_path)
    assert len(opened.columns) == columns
    assert duck.execute(f"SELECT count(*) FROM {opened.relation}").fetchone() == (250_000,)
