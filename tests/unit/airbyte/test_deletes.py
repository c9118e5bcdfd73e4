"""When a file stays and its rows are deleted by position, and when it is written anew."""

from __future__ import annotations

import pytest
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.typedef import Record

from services.airbyte.destination.deletes import COPY_ON_WRITE, MERGE_ON_READ, LiveFile

PATH = "s3://bronze/shop/orders/data/1.parquet"
_PATH_ID = 2147483546


def data(megabytes: int) -> DataFile:
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=PATH,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1000,
        file_size_in_bytes=megabytes << 20,
    )


def deletes(count: int, of: str = PATH) -> DataFile:
    bound = {_PATH_ID: of.encode()}
    return DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=f"{of}.{count}.deletes",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=count,
        file_size_in_bytes=1000,
        lower_bounds=bound,
        upper_bounds=bound,
    )


@pytest.mark.parametrize(
    ("megabytes", "before", "going", "mode", "stays"),
    [
        (200, 0, 1, None, True),
        (200, 0, 100, None, True),
        (200, 0, 101, None, False),
        (200, 99, 1, None, True),
        (200, 99, 2, None, False),
        (5, 0, 1, None, False),
        (5, 0, 500, MERGE_ON_READ, True),
        (5, 0, 501, MERGE_ON_READ, False),
        (200, 0, 1, COPY_ON_WRITE, False),
    ],
)
def test_size_share_and_the_tables_property_decide(
    megabytes: int, before: int, going: int, mode: str | None, stays: bool
) -> None:
    live = LiveFile(data(megabytes), (deletes(before),) if before else ())
    assert live.stays(going, mode) is stays


def test_delete_files_of_several_data_files_are_not_its_own() -> None:
    own, other = deletes(4), deletes(5, of="s3://bronze/elsewhere.parquet")
    wide = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path="wide",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1,
        file_size_in_bytes=1,
        lower_bounds={_PATH_ID: PATH.encode()},
        upper_bounds={_PATH_ID: b"s3://bronze/shop/orders/data/2.parquet"},
    )
    live = LiveFile(data(200), (own, other, wide))
    assert set(live.own_deletes) == {own.file_path}
