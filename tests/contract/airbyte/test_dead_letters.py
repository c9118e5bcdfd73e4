"""Refused records: kept with reason and position, listed, corrected and replayed; not too many."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.dead_letters import DeadLetters
from services.common.errors import LakeletError, NotFoundError
from tests.contract.airbyte.client import Airbyte, rows
from tests.contract.airbyte.test_failures import file_source

SKIP = '{"on_bad_lines": "skip"}'
OVERWRITE = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
APPEND = {"syncMode": "full_refresh", "destinationSyncMode": "append"}


def letters_of(airbyte: Airbyte) -> DeadLetters:
    return DeadLetters(airbyte.settings, Client(airbyte.settings))


def listed(airbyte: Airbyte, stream: str) -> list[dict[str, Any]]:
    return [one for one in letters_of(airbyte).listing() if one["stream"] == stream]


def test_refused_lines_are_corrected_and_replayed_once(airbyte: Airbyte, tmp_path: Path) -> None:
    text = "id,name,at\n1,a,2024-01-01\n2,b,b,2024-01-02\n3,c,extra,2024-01-03\n4,d,2024-01-04\n"
    source = file_source(airbyte, "letters.csv", text, reader_options=SKIP)
    connection = airbyte.connect(source, "letters", {"letters": APPEND})
    info = airbyte.sync(connection)
    query = 'SELECT id, name, "at"::VARCHAR FROM bronze.letters.letters ORDER BY id'
    assert [row[0] for row in rows(airbyte.settings, query)] == [1, 4]
    assert info["job"]["aggregatedStats"]["recordsRejected"] == 2
    (kept,) = listed(airbyte, "letters")
    assert (kept["connection"], kept["job"]) == ("letters", info["job"]["id"])
    logged = "\n".join(info["attempts"][0]["logs"]["logLines"])
    assert f"`lakelet dead-letters replay {kept['address']}`" in logged
    shown = letters_of(airbyte).show(kept["address"])
    letters = [json.loads(line) for line in shown.splitlines()]
    assert [one["line"] for one in letters] == [3, 4]
    assert all(one["reason"] and one["columns"] == ["id", "name", "at"] for one in letters)
    assert letters[1]["text"] == "3,c,extra,2024-01-03"
    # As they are they still do not fit, and stay.
    with pytest.raises(LakeletError, match="4 values for 3 columns"):
        letters_of(airbyte).replay(kept["address"], None)
    letters[0]["text"], letters[1]["text"] = "2,b,2024-01-02", "3,c,2024-01-03"
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text("".join(json.dumps(one) + "\n" for one in letters))
    command = ("dead-letters", "replay", kept["address"], "--with", str(corrected))
    done = airbyte.home.lakelet(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 records replayed")
    expected = [(n, name, f"2024-01-0{n}") for n, name in enumerate("abcd", 1)]
    assert rows(airbyte.settings, query) == expected
    assert listed(airbyte, "letters") == []
    with pytest.raises(NotFoundError, match="replayed/"):
        letters_of(airbyte).replay(kept["address"], None)
    assert rows(airbyte.settings, query) == expected


def test_too_many_stop_the_sync(airbyte: Airbyte) -> None:
    text = "id,name\n" + "".join(f"{n},x\n" for n in range(100)) + "1,x,y\n" * 6
    source = file_source(airbyte, "toomany.csv", text, reader_options=SKIP)
    connection = airbyte.connect(source, "letters", {"toomany": APPEND}, maxRefusedRecords=5)
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "6 records were refused, more than the 5" in failure["externalMessage"]
    tables = rows(airbyte.settings, "SELECT table_name FROM duckdb_tables()")
    assert "toomany" not in {name for (name,) in tables}
    assert len(listed(airbyte, "toomany")) == 1, "they are kept all the same"
    airbyte.post("connections/update", connectionId=connection, maxRefusedRecords=6)
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT count(*) FROM bronze.letters.toomany") == [(100,)]


@pytest.mark.parametrize("address", ["s3://dlq/other.jsonl", "s3://dlq/airbyte/x/job1-0/a.jsonl"])
def test_only_a_connections_own_letters_are_replayed(airbyte: Airbyte, address: str) -> None:
    source = file_source(airbyte, "own.csv", "a\n1\n")
    connection = airbyte.connect(source, "letters", {"own": APPEND})
    answer = airbyte.raw(
        "connections/replay_dead_letters",
        connectionId=connection,
        streamName="own",
        address=address,
    )
    assert answer.status_code == 422


def test_what_is_read_again_is_not_replayed_beside_it(airbyte: Airbyte, tmp_path: Path) -> None:
    """Refused by an attempt that committed nothing, then by one that did: it is there once."""
    text = "id,name\n1,a\n2,b,extra\n3,c,extra\n"
    source = file_source(airbyte, "again.csv", text, reader_options=SKIP)
    connection = airbyte.connect(source, "letters", {"again": APPEND}, maxRefusedRecords=1)
    airbyte.failure(connection)
    (first,) = listed(airbyte, "again")
    airbyte.post("connections/update", connectionId=connection, maxRefusedRecords=2)
    airbyte.sync(connection)
    (second,) = listed(airbyte, "again")
    assert second["job"] > first["job"]
    with pytest.raises(NotFoundError, match="repeated/"):
        letters_of(airbyte).replay(first["address"], None)
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text(
        letters_of(airbyte).show(second["address"]).replace("b,extra", "b").replace("c,extra", "c")
    )
    # Two at once: one is refused, and does not bring back what the other has put away.
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(letters_of(airbyte).replay, second["address"], corrected) for _ in range(2)
        ]
    assert 1 <= len([one for one in asked if one.exception() is None]) <= 2
    refused = [one.exception() for one in asked if one.exception() is not None]
    assert all(isinstance(error, LakeletError) for error in refused)
    assert listed(airbyte, "again") == []
    query = "SELECT id, name FROM bronze.letters.again ORDER BY ALL"
    assert rows(airbyte.settings, query) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_table_that_is_filled_anew_has_its_own_letters(airbyte: Airbyte) -> None:
    source = file_source(airbyte, "anew.csv", "id\n1\n2,x\n", reader_options=SKIP)
    connection = airbyte.connect(source, "letters", {"anew": OVERWRITE})
    jobs = [int(airbyte.sync(connection)["job"]["id"]) for _ in range(2)]
    assert [one["job"] for one in listed(airbyte, "anew")] == [jobs[1]]
    airbyte.sync(connection, "clear")
    assert listed(airbyte, "anew") == []
