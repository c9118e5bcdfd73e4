"""Rows of any width become files within the memory that a sync has."""

from __future__ import annotations

from pathlib import Path

from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from services.airbyte import engine
from services.airbyte.destination.writing import write_files

ROWS, WIDTH = 80_000, 4096


def test_long_texts_do_not_have_to_fit_into_memory(tmp_path: Path) -> None:
    schema = Schema(
        NestedField(1, "id", LongType(), required=False),
        NestedField(2, "text", StringType(), required=False),
    )
    duck = engine.connect(tmp_path / "spill", memory="400MB")
    duck.execute("SET threads = 2")
    query = (
        f"SELECT i AS id, repeat(md5(i::VARCHAR), {WIDTH // 32}) AS text FROM range({ROWS}) r(i)"
    )
    paths = write_files(duck, query, schema, str(tmp_path / "written"))
    found = duck.execute(
        "SELECT count(DISTINCT id), sum(length(text)) FROM read_parquet(?)", [paths]
    ).fetchone()
    assert found == (ROWS, ROWS * WIDTH)
