"""What bare engines do with the log store's documents: DuckDB, SQLite with FTS5, tantivy."""

from __future__ import annotations

import datetime
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import tantivy

Documents = list[dict[str, Any]]


@dataclass(frozen=True)
class Engine:
    """An engine that holds the documents: its rate, and the searches by name.

    `rate`: documents a second while they went in, `batch` a commit.
    """

    name: str
    rate: float
    searches: dict[str, Callable[[], object]]


def _millis(document: dict[str, Any]) -> int:
    return int(datetime.datetime.fromisoformat(document["timestamp"]).timestamp() * 1000)


def _hour_ago() -> int:
    return int((time.time() - 3600) * 1000)


def bare_duckdb(folder: Path, documents: Documents, batch: int) -> Engine:
    """DuckDB, fed with Arrow batches."""
    connection = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2})
    connection.execute(
        "CREATE TABLE logs (timestamp BIGINT, level VARCHAR, service VARCHAR, message VARCHAR, "
        "job_id VARCHAR, records_synced BIGINT, source VARCHAR)"
    )
    rate, rows = 0.0, len(documents)
    for start in range(0, rows, batch):
        part = documents[start : start + batch]
        table = pa.Table.from_pylist(
            [{**d, "timestamp": _millis(d), "source": json.dumps(d)} for d in part]
        )
        started = time.perf_counter()
        connection.register("batch", table)
        connection.execute("INSERT INTO logs BY NAME SELECT * FROM batch")
        rate += time.perf_counter() - started

    def run(sql: str) -> Callable[[], object]:
        return lambda: connection.execute(sql.format(hour=_hour_ago())).fetchall()

    return Engine(
        "bare DuckDB",
        rows / rate,
        {
            "errors of the last hour": run(
                "SELECT * FROM logs WHERE level = 'ERROR' AND timestamp >= {hour} "
                "ORDER BY timestamp DESC LIMIT 20"
            ),
            "terms x date_histogram": run(
                "SELECT service, timestamp // 3600000, count(*) FROM logs GROUP BY ALL"
            ),
            "one word in messages": run(
                "SELECT * FROM logs WHERE contains(message, 'refused') ORDER BY timestamp LIMIT 10"
            ),
        },
    )


def bare_sqlite(folder: Path, documents: Documents, batch: int) -> Engine:
    """SQLite with FTS5 and an index on level and time."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
        "CREATE TABLE logs (timestamp INTEGER, level TEXT, service TEXT, source TEXT); "
        "CREATE INDEX by_level ON logs (level, timestamp); "
        "CREATE VIRTUAL TABLE words USING fts5(message, content='');"
    )
    rate, rows = 0.0, len(documents)
    for start in range(0, rows, batch):
        part = documents[start : start + batch]
        values = [(_millis(d), d["level"], d["service"], json.dumps(d)) for d in part]
        words = [(n, d["message"]) for n, d in enumerate(part, start + 1)]
        started = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO logs VALUES (?, ?, ?, ?)", values)
        connection.executemany("INSERT INTO words (rowid, message) VALUES (?, ?)", words)
        connection.execute("COMMIT")
        rate += time.perf_counter() - started

    def run(sql: str) -> Callable[[], object]:
        return lambda: connection.execute(sql.format(hour=_hour_ago())).fetchall()

    return Engine(
        "SQLite FTS5",
        rows / rate,
        {
            "errors of the last hour": run(
                "SELECT * FROM logs WHERE level = 'ERROR' AND timestamp >= {hour} "
                "ORDER BY timestamp DESC LIMIT 20"
            ),
            "terms x date_histogram": run(
                "SELECT service, timestamp / 3600000, count(*) FROM logs GROUP BY 1, 2"
            ),
            "one word in messages": run(
                "SELECT * FROM logs WHERE rowid IN (SELECT rowid FROM words WHERE "
                "words MATCH 'refused') ORDER BY timestamp LIMIT 10"
            ),
        },
    )


def bare_tantivy(folder: Path, documents: Documents, batch: int) -> Engine:
    """Tantivy with a 50 MB writer."""
    place = folder / "tantivy"
    place.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("timestamp", indexed=True, fast=True)
    builder.add_text_field("level", tokenizer_name="raw", fast=True)
    builder.add_text_field("service", tokenizer_name="raw", fast=True)
    builder.add_text_field("message")
    builder.add_text_field("source", stored=True, tokenizer_name="raw", index_option="basic")
    index = tantivy.Index(builder.build(), path=str(place))
    writer = index.writer(50_000_000, 1)
    rate, rows = 0.0, len(documents)
    for start in range(0, rows, batch):
        started = time.perf_counter()
        for d in documents[start : start + batch]:
            writer.add_document(
                tantivy.Document(
                    timestamp=_millis(d), level=d["level"], service=d["service"],
                    message=d["message"], source=json.dumps(d),
                )
            )  # fmt: skip
        writer.commit()
        rate += time.perf_counter() - started
    index.reload()
    searcher = index.searcher()

    def search(query: str, limit: int) -> Callable[[], object]:
        def run() -> object:
            parsed = index.parse_query(query.format(hour=_hour_ago()), ["message"])
            found = searcher.search(
                parsed, limit, order_by_field="timestamp", order=tantivy.Order.Desc
            )
            return [searcher.doc(address)["source"] for _, address in found.hits]

        return run

    counted = {
        "s": {
            "terms": {"field": "service"},
            "aggs": {"t": {"histogram": {"field": "timestamp", "interval": 3_600_000}}},
        }
    }
    return Engine(
        "tantivy",
        rows / rate,
        {
            "errors of the last hour": search("level:ERROR AND timestamp:[{hour} TO *]", 20),
            "terms x date_histogram": lambda: searcher.aggregate(
                tantivy.Query.all_query(), counted
            ),
            "one word in messages": search("message:refused", 10),
        },
    )


ENGINES = (bare_duckdb, bare_sqlite, bare_tantivy)
