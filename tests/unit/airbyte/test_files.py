from __future__ import annotations

from typing import Any

import pytest

from services.airbyte.cdk.failures import ConnectorError
from tests.unit.airbyte.conftest import Read


@pytest.mark.parametrize(
    "encoding",
    [
        *("utf-8", "UTF8", "utf-8-sig", "latin-1", "latin1", "ISO-8859-1", "ISO-8859-15"),
        *("cp1250", "cp1252", "windows-1252", "utf-16", "utf_16", "utf-16-be", "utf-32"),
    ],
)
def test_text_of_any_encoding(read: Read, encoding: str) -> None:
    text = "id;name\n1;Müller\n2;Köln\n".encode(encoding)
    assert read({"a.csv": text}, "a.csv", sep=";", encoding=encoding) == [
        (1, "Müller"),
        (2, "Köln"),
    ]


def test_text_of_the_far_east(read: Read) -> None:
    text = "id,name\n1,日本\n".encode("shift_jis")
    assert read({"a.csv": text}, "a.csv", encoding="shift_jis") == [(1, "日本")]
    line = '{"id": 1, "name": "日本"}\n'.encode("euc_jp")
    assert read({"a.jsonl": line}, "a.jsonl", "jsonl", encoding="euc_jp") == [(1, "日本")]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        (None, 'set {"encoding": …} in reader_options'),
        ("shift_jis", "is not written in shift_jis"),
        ("klingon", "encoding 'klingon' in reader_options is not known"),
    ],
)
def test_a_wrong_encoding_is_said(read: Read, encoding: str | None, words: str) -> None:
    text = "id,name\n1,Müller\n".encode("latin-1")
    with pytest.raises(ConnectorError) as raised:
        read({"a.csv": text}, "a.csv", **({"encoding": encoding} if encoding else {}))
    assert words in str(raised.value)
    assert raised.value.kind == "config_error"


def test_pandas_options_of_numbers_comments_and_columns(read: Read) -> None:
    text = b"id;price;n;x\n# told by hand\n1;1,5;1.000;a\n2;2,25;2.500.000;b\n"
    how: dict[str, Any] = {"sep": ";", "decimal": ",", "thousands": ".", "comment": "#"}
    files = {"a.csv": text}
    wanted = [(1, 1.5, 1000), (2, 2.25, 2_500_000)]
    assert read(files, "a.csv", **how, usecols=["id", "price", "n"]) == wanted
    assert read(files, "*.csv", **how, usecols=[0, 1, 2]) == wanted
    with pytest.raises(ConnectorError, match="no column nope; it has: id, price, n, x"):
        read(files, "a.csv", **how, usecols=["nope"])
    with pytest.raises(ConnectorError, match="squeeze are not known for csv"):
        read(files, "a.csv", squeeze=True)


@pytest.mark.parametrize(("kind", "row"), [("csv", b"id\n1\n"), ("jsonl", b'{"id": 1}\n')])
def test_an_empty_file_is_no_row_among_others_and_an_error_alone(
    read: Read, kind: str, row: bytes
) -> None:
    assert read({f"1.{kind}": b"", f"2.{kind}": row}, f"*.{kind}", kind) == [(1,)]
    with pytest.raises(ConnectorError, match="is empty"):
        read({}, f"1.{kind}", kind)
