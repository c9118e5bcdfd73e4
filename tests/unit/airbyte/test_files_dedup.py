"""Of a file's rows with the same key the last is told, whatever the number of threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.airbyte import engine
from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.destination.table import latest
from services.airbyte.sources.file.source import build
from tests.unit.airbyte.conftest import Read

ROWS, KEYS = 150_000, 70_000
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup", "primaryKey": [["id"]]}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_last_row_of_a_key_is_told(read: Read, kind: str) -> None:
    line = "{},{}\n" if kind == "csv" else '{{"id": {}, "v": {}}}\n'
    head = "id,v\n" if kind == "csv" else ""
    lines = [line.format(number % KEYS, number) for number in range(ROWS)]
    (read.inbox / f"a.{kind}").write_text(head + "".join(lines))
    (read.inbox / f"b.{kind}").write_text(head + line.format(0, -1) + line.format(1, -1))
    config = {
        "dataset_name": "rows",
        "format": kind,
        "url": f"/local/*.{kind}",
        "provider": {"storage": "local"},
    }
    source, env = build(), read.environment()
    (stream,) = source.discover(config, env)
    chosen = {"stream": stream.as_json(), "config": DEDUP}
    (configured,) = configured_streams({"streams": [chosen]})
    duck = engine.connect(read.inbox / "spill")
    duck.execute("SET threads = 4")
    with source.read(config, configured, None, duck, env) as reading:
        query = f"SELECT id, v FROM {reading.relation}{latest(configured, reading.order)}"
        found = duck.execute(f"SELECT count(*), min(v), sum(v) FROM ({query})").fetchone()
    last = {number % KEYS: number for number in range(ROWS)} | {0: -1, 1: -1}
    assert found == (KEYS, -1, sum(last.values()))


def test_the_last_rows_of_many_keys_are_told_by_what_spills(tmp_path: Path) -> None:
    # An aggregate of whole rows fails with 4 million of them in 512 MB; a window takes the disk.
    duck = engine.connect(tmp_path / "spill")
    last = "QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1"
    plan = duck.execute(
        f"EXPLAIN SELECT * FROM (SELECT i % 2 AS id, i AS seq FROM range(9) r(i)) {last}"
    )
    (shown,) = plan.fetchall()
    assert "WINDOW" in shown[1]
    assert "arg_max" not in shown[1]
