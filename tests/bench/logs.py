"""The log store over HTTP, next to bare DuckDB holding the same documents.

`python -m tests.bench.logs [DOCUMENTS]` runs it alone (default 100,000).
"""

from __future__ import annotations

import datetime
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pyarrow as pa
from rich.console import Console

from services.supervisor.orphans import end_processes
from tests.bench.report import Figure, at_least, at_most, print_report
from tests.support.platform import Home

_BATCH = 5000
_ROUNDS = 40
_WORDS = [
    "sync",
    "stream",
    "query",
    "refused",
    "timeout",
    "retry",
    "connection",
    "opened",
    "closed",
    "table",
    "row",
    "batch",
]
_MAPPING = {
    "properties": {
        "timestamp": {"type": "date"},
        "level": {"type": "keyword"},
        "service": {"type": "keyword"},
        "message": {"type": "text"},
        "job_id": {"type": "keyword"},
        "records_synced": {"type": "long"},
    }
}
_LAST_HOUR = {
    "bool": {"filter": [{"term": {"level": "ERROR"}}, {"range": {"timestamp": {"gte": "now-1h"}}}]}
}
_SEARCHES: dict[str, dict[str, Any]] = {
    "errors of the last hour": {"query": _LAST_HOUR, "sort": [{"timestamp": "desc"}], "size": 20},
    "terms x date_histogram": {
        "size": 0,
        "aggs": {
            "s": {
                "terms": {"field": "service"},
                "aggs": {"t": {"date_histogram": {"field": "timestamp", "fixed_interval": "1h"}}},
            }
        },
    },
    "one word in messages": {"query": {"match": {"message": "refused"}}, "sort": ["timestamp"]},
}
_BARE = {
    "errors of the last hour": "SELECT * FROM logs WHERE level = 'ERROR' AND timestamp >= "
    "epoch_ms(now()) - 3600000 ORDER BY timestamp DESC LIMIT 20",
    "terms x date_histogram": "SELECT service, timestamp // 3600000, count(*) FROM logs "
    "GROUP BY ALL",
    "one word in messages": "SELECT * FROM logs WHERE contains(message, 'refused') "
    "ORDER BY timestamp LIMIT 10",
}
_TARGETS = {
    "errors of the last hour": 20,
    "terms x date_histogram": 100,
    "one word in messages": 200,
}


def _documents(count: int) -> Iterator[dict[str, Any]]:
    random_ = random.Random(5)  # noqa: S311 - the same documents each time
    now = datetime.datetime.now(datetime.UTC)
    for _ in range(count):
        moment = now - datetime.timedelta(seconds=random_.random() * 86400)
        yield {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": random_.choices(["ERROR", "WARNING", "INFO"], [2, 8, 90])[0],
            "service": random_.choice(["airbyte", "dremio", "dbt", "superset"]),
            "message": " ".join(random_.choices(_WORDS, k=12)) + f" {random_.randrange(10**6)}",
            "job_id": str(random_.randrange(1000)),
            "records_synced": random_.randrange(100_000),
        }


def _quantiles(run: Callable[[], object]) -> tuple[float, float]:
    """Return the median and the 95th percentile in milliseconds."""
    run()
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def measure_logs(count: int = 100_000) -> list[Figure]:
    """Ingest `count` documents by 5,000, then search them."""
    documents = list(_documents(count))
    with tempfile.TemporaryDirectory() as name:
        bare = duckdb.connect(str(Path(name) / "bare.duckdb"), config={"threads": 2})
        bare_rate = _ingest_bare(bare, documents)
        home = Home(Path(name) / "home")
        try:
            process = psutil.Process(home.start_service("elasticsearch").pid)
            figures = _measure(home, process, documents, bare, bare_rate)
        finally:
            end_processes(home.settings)
    return figures


def _ingest_bare(bare: duckdb.DuckDBPyConnection, documents: list[dict[str, Any]]) -> float:
    bare.execute(
        "CREATE TABLE logs (timestamp BIGINT, level VARCHAR, service VARCHAR, message VARCHAR, "
        "job_id VARCHAR, records_synced BIGINT, source VARCHAR)"
    )
    rows = [
        {
            **d,
            "timestamp": int(datetime.datetime.fromisoformat(d["timestamp"]).timestamp() * 1000),
            "source": json.dumps(d),
        }
        for d in documents
    ]
    tables = [pa.Table.from_pylist(rows[n : n + _BATCH]) for n in range(0, len(rows), _BATCH)]
    started = time.perf_counter()
    for table in tables:
        bare.register("batch", table)
        bare.execute("INSERT INTO logs BY NAME SELECT * FROM batch")
    return len(rows) / (time.perf_counter() - started)


def _measure(
    home: Home,
    process: psutil.Process,
    documents: list[dict[str, Any]],
    bare: duckdb.DuckDBPyConnection,
    bare_rate: float,
) -> list[Figure]:
    password = home.settings.elasticsearch_password.get_secret_value()
    with httpx.Client(
        base_url=home.settings.elasticsearch_url, auth=("elastic", password), timeout=60
    ) as client:
        idle = process.memory_info().rss / 1e6
        client.put("/logs", json={"mappings": _MAPPING}).raise_for_status()
        lines = [b'{"index":{}}\n' + json.dumps(d).encode() + b"\n" for d in documents]
        bodies = [b"".join(lines[n : n + _BATCH]) for n in range(0, len(lines), _BATCH)]
        peak = 0.0
        started = time.perf_counter()
        for body in bodies:
            answer = client.post(
                "/logs/_bulk", content=body, headers={"content-type": "application/x-ndjson"}
            )
            if answer.json()["errors"]:
                raise AssertionError("a document was refused")
            peak = max(peak, process.memory_info().rss / 1e6)
        rate = len(documents) / (time.perf_counter() - started)
        figures = [
            at_least("log store: documents by bulk", rate, "docs/s", 50_000,
                     limit=bare_rate, limit_of="bare DuckDB, Arrow batches"),
            at_most("log store: memory, idle", idle, "MB", 120),
        ]  # fmt: skip
        for name, body in _SEARCHES.items():
            median, late = _quantiles(lambda b=body: client.post("/logs/_search", json=b).json())
            cursor = bare.cursor()
            bare_median, bare_late = _quantiles(
                lambda n=name, c=cursor: c.execute(_BARE[n]).fetchall()
            )
            figures += [
                at_most(f"log store: {name}, p50", median, "ms", _TARGETS[name],
                        limit=bare_median, limit_of="bare DuckDB"),
                at_most(f"log store: {name}, p95", late, "ms", _TARGETS[name],
                        limit=bare_late, limit_of="bare DuckDB"),
            ]  # fmt: skip
            peak = max(peak, process.memory_info().rss / 1e6)
        figures.append(at_most("log store: memory, at most", peak, "MB", 300))
    return figures


if __name__ == "__main__":
    print_report(Console(width=160), measure_logs(*map(int, sys.argv[1:2])))
