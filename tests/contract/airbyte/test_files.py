"""Files of all kinds from all places, and of many files only those that are new."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import minio
import openpyxl
import pytest

from tests.contract.airbyte.client import FILE, Airbyte, rows
from tests.support.file_servers import PASSWORD, USER, ftp, sftp

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
NEW = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "primaryKey": [["id"]]}


def connect(
    airbyte: Airbyte, name: str, url: str, mode: dict[str, str], kind: str = "csv", **provider: Any
) -> str:
    config = {
        "dataset_name": "rows",
        "format": kind,
        "url": url,
        "provider": provider or {"storage": "local"},
    }
    return airbyte.connect(airbyte.source(config, FILE, name), name, {"rows": mode})


def found(airbyte: Airbyte, name: str, listing: str = "id, name") -> list[Any]:
    return rows(airbyte.settings, f"SELECT {listing} FROM bronze.{name}.rows ORDER BY ALL")


def put(path: Path, text: str, moment: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (moment, moment))


def test_only_new_and_changed_files_are_read(airbyte: Airbyte) -> None:
    day = airbyte.settings.inbox_dir / "days"
    put(day / "1.csv", "id,name\n1,a\n", 1_700_000_000)
    put(day / "deep" / "2.csv", "id,name,more\n2,b,x\n", 1_700_000_100)
    put(day / "no.txt", "nothing", 1_700_000_200)
    connection = connect(airbyte, "days", "/local/days/**/*.csv", NEW)
    airbyte.sync(connection)
    marks = "id, more, _ab_source_file_url, _ab_source_file_last_modified"
    first = (1, None, "/local/days/1.csv", "2023-11-14T22:13:20.000000Z")
    second = (2, "x", "/local/days/deep/2.csv", "2023-11-14T22:15:00.000000Z")
    assert found(airbyte, "days", marks) == [first, second]
    state = airbyte.post("state/get", connectionId=connection)["streamState"][0]["streamState"]
    assert state["history"] == {first[2]: first[3], second[2]: second[3]}
    assert state["_ab_source_file_last_modified"] == f"{second[3]}_{second[2]}"
    airbyte.sync(connection)
    assert len(found(airbyte, "days")) == 2, "nothing was new"
    put(day / "3.csv", "id,name\n3,c\n", 1_700_000_050)  # older than the newest, yet unread
    put(day / "1.csv", "id,name\n10,changed\n", 1_700_000_300)
    airbyte.sync(connection)
    assert [row[0] for row in found(airbyte, "days", "id")] == [1, 2, 3, 10]


def test_days_whose_values_look_otherwise(airbyte: Airbyte) -> None:
    """A column is empty on one day, whole on another, a date or a moment: it stays what it was."""
    day = airbyte.settings.inbox_dir / "looks"
    put(day / "1.csv", "id,price,n,moment\n1,1.5,7,2024-01-01 10:00:00\n", 1_700_000_000)
    connection = connect(airbyte, "looks", "/local/looks/*.csv", NEW)
    airbyte.sync(connection)
    put(day / "2.csv", "id,price,n,moment\n2,3,,2024-01-02\n", 1_700_000_100)
    put(day / "3.csv", "id,price,n,moment\n", 1_700_000_200)
    airbyte.sync(connection)
    put(day / "4.csv", "id,price,n,moment\n4,9007199254740993,,\n", 1_700_000_300)
    airbyte.sync(connection)
    assert found(airbyte, "looks", "id, price, n, moment") == [
        (1, 1.5, 7, datetime.datetime(2024, 1, 1, 10)),
        (2, 3.0, None, datetime.datetime(2024, 1, 2)),
        (4, None, None, None),  # a double would be another number
    ]
    noted = "id, _airbyte_meta.changes[1].field, _airbyte_meta.changes[1].reason"
    assert found(airbyte, "looks", noted)[-1] == (4, "price", "DESTINATION_FIELD_SIZE_LIMITATION")


def test_fractions_in_a_column_of_whole_numbers_are_told_and_can_be_let_in(
    airbyte: Airbyte,
) -> None:
    day = airbyte.settings.inbox_dir / "fractions"
    put(day / "1.csv", "id,name\n1,5\n", 1_700_000_000)
    connection = connect(airbyte, "fractions", "/local/fractions/*.csv", NEW)
    airbyte.sync(connection)
    put(day / "2.csv", "id,name\n2,5.5\n", 1_700_000_100)
    told = airbyte.failure(connection)["externalMessage"]
    assert "column 'name' is double in the source and long in the table" in told
    assert "connections/clear" in told
    airbyte.sync(connection, "clear")
    airbyte.sync(connection)
    assert found(airbyte, "fractions") == [(1, 5.0), (2, 5.5)]


def test_of_rows_with_one_key_the_last_of_the_newest_file_stays(airbyte: Airbyte) -> None:
    day = airbyte.settings.inbox_dir / "last"
    put(day / "b.csv", "id,name\n1,older\n3,c\n", 1_700_000_000)
    put(day / "a.csv", "id,name\n1,first\n2,first\n1,last\n2,last\n", 1_700_000_100)
    fields = [{"fieldPath": ["id"]}, {"fieldPath": ["name"]}]
    chosen: dict[str, Any] = {**DEDUP, "fieldSelectionEnabled": True, "selectedFields": fields}
    connection = connect(airbyte, "last", "/local/last/*.csv", chosen)
    airbyte.sync(connection)
    assert found(airbyte, "last") == [(1, "last"), (2, "last"), (3, "c")]
    airbyte.sync(connection)
    put(day / "empty.csv", "", 1_700_000_200)
    airbyte.sync(connection)
    put(day / "c.csv", "id,name\n1,new\n4,d\n1,newest\n", 1_700_000_300)
    put(day / "late.csv", "id,name\n2,older\n", 1_700_000_050)
    airbyte.sync(connection)
    assert found(airbyte, "last") == [(1, "newest"), (2, "last"), (3, "c"), (4, "d")]


def test_objects_of_s3(airbyte: Airbyte) -> None:
    secret = airbyte.settings.airbyte_s3_secret_key.get_secret_value()
    client = minio.Minio(
        airbyte.settings.s3_endpoint, "airbyte", secret, secure=False, region="us-east-1"
    )

    def store(name: str, text: str) -> None:
        client.put_object("landing", name, io.BytesIO(text.encode()), len(text))

    store("many/a.jsonl", '{"id": 1, "name": "a"}\n')
    store("many/b.jsonl", '{"id": 2, "name": "b"}\n')
    store("many/b.csv", "no")
    connection = connect(
        airbyte, "objects", "s3://landing/many/*.jsonl", NEW, "jsonl", storage="S3"
    )
    airbyte.sync(connection)
    assert found(airbyte, "objects") == [(1, "a"), (2, "b")]
    store("many/c.jsonl", '{"id": 3, "name": "c"}\n')
    airbyte.sync(connection)
    assert found(airbyte, "objects") == [(1, "a"), (2, "b"), (3, "c")]


def test_excel(airbyte: Airbyte) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "name", "moment"])
    sheet.append([1, "é", datetime.datetime(2024, 5, 1, 12)])
    sheet.append([2, None, datetime.datetime(2024, 5, 2)])
    path = airbyte.settings.inbox_dir / "book.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    airbyte.sync(connect(airbyte, "excel", "/local/book.xlsx", FULL, "excel"))
    noon = datetime.datetime(2024, 5, 1, 12)
    expected = [(1.0, "é", noon), (2.0, None, datetime.datetime(2024, 5, 2))]
    assert found(airbyte, "excel", "id, name, moment") == expected


def test_packed_files(airbyte: Airbyte) -> None:
    inbox = airbyte.settings.inbox_dir / "packed"
    inbox.mkdir(parents=True)
    (inbox / "1.csv.gz").write_bytes(gzip.compress(b"id,name\n1,a\n"))
    with zipfile.ZipFile(inbox / "2.csv.zip", "w") as archive:
        archive.writestr("inner.csv", "id,name\n2,b\n")
    airbyte.sync(connect(airbyte, "packed", "/local/packed/*.csv.*", FULL))
    assert found(airbyte, "packed") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize(("storage", "serving"), [("SFTP", sftp), ("FTP", ftp)])
def test_files_on_servers(
    airbyte: Airbyte,
    tmp_path: Path,
    storage: str,
    serving: Callable[[Path], AbstractContextManager[int]],
) -> None:
    put(tmp_path / "out" / "1.csv", "id,name\n1,a\n", 1_700_000_000)
    put(tmp_path / "out" / "2.csv", "id,name\n2,b\n", 1_700_000_100)
    name = storage.lower()
    with serving(tmp_path) as port:
        server = {"storage": storage, "host": "127.0.0.1", "port": str(port), "user": USER}
        one = connect(airbyte, f"{name}_one", "/out/1.csv", FULL, **server, password=PASSWORD)
        airbyte.sync(one)
        assert found(airbyte, f"{name}_one") == [(1, "a")]
        many = connect(airbyte, f"{name}_many", "/out/*.csv", NEW, **server, password=PASSWORD)
        airbyte.sync(many)
        put(tmp_path / "out" / "3.csv", "id,name\n3,c\n", 1_700_000_200)
        airbyte.sync(many)
        assert found(airbyte, f"{name}_many") == [(1, "a"), (2, "b"), (3, "c")]
        config = {"dataset_name": "rows", "format": "csv", "url": "/out/1.csv"}
        wrong = {**config, "provider": {**server, "password": "wrong"}}
        refused = airbyte.source(wrong, FILE, "refused")
        answer = airbyte.post("sources/check_connection", sourceId=refused)
        assert answer["status"] == "failed"
        assert "set user and password" in answer["message"]
    away = airbyte.source({**config, "provider": {**server, "port": "9"}}, FILE, "away")
    answer = airbyte.post("sources/check_connection", sourceId=away)
    assert "cannot be reached" in answer["message"]
