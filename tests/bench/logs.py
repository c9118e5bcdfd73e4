"""The log store over HTTP, next to bare engines that hold the same documents.

`python -m tests.bench.logs [DOCUMENTS]` runs it alone (default 500,000).
"""

from __future__ import annotations

import datetime
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
from rich.console import Console

from services.supervisor.orphans import end_processes
from tests.bench.log_engines import ENGINES, Engine
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
_TARGETS = {
    "errors of the last hour": 20,
    "terms x date_histogram": 100,
    "one word in messages": 200,
}


def _documents(count: int) -> Iterator[dict[str, Any]]:
    """Yield a day of log lines, as late and as mixed up (by seconds) as services send them."""
    random_ = random.Random(5)  # noqa: S311 - the same documents each time
    first = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    for number in range(count):
        seconds = number * 86400 / count + random_.random() * 5
        moment = first + datetime.timedelta(seconds=seconds)
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


def measure_logs(count: int = 500_000) -> list[Figure]:
    """Ingest `count` documents by 5,000, then search them."""
    documents = list(_documents(count))
    with tempfile.TemporaryDirectory() as name:
        engines = [engine(Path(name), documents, _BATCH) for engine in ENGINES]
        home = Home(Path(name) / "home")
        try:
            process = psutil.Process(home.start_service("elasticsearch").pid)
            return _measure(home, process, documents, engines)
        finally:
            end_processes(home.settings)


class _Peak(threading.Thread):
    """The most memory that a process held, looked at twenty times a second."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process, self._ended, self.bytes = process, threading.Event(), 0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def end(self) -> float:
        """Stop looking; return megabytes."""
        self._ended.set()
        return self.bytes / 1e6


def _ingest(client: httpx.Client, documents: list[dict[str, Any]]) -> float:
    """Send the documents over two connections; return documents a second."""
    lines = [b'{"index":{}}\n' + json.dumps(d).encode() + b"\n" for d in documents]
    bodies = [b"".join(lines[n : n + _BATCH]) for n in range(0, len(lines), _BATCH)]

    def send(body: bytes) -> None:
        answer = client.post(
            "/logs/_bulk", content=body, headers={"content-type": "application/x-ndjson"}
        )
        if orjson.loads(answer.content)["errors"]:
            raise AssertionError("a document was refused")

    started = time.perf_counter()
    with ThreadPoolExecutor(2) as senders:
        list(senders.map(send, bodies))
    return len(documents) / (time.perf_counter() - started)


def _measure(
    home: Home,
    process: psutil.Process,
    documents: list[dict[str, Any]],
    engines: list[Engine],
) -> list[Figure]:
    password = home.settings.elasticsearch_password.get_secret_value()
    with httpx.Client(
        base_url=home.settings.elasticsearch_url, auth=("elastic", password), timeout=60
    ) as client:
        idle = process.memory_info().rss / 1e6
        client.put("/logs", json={"mappings": _MAPPING}).raise_for_status()
        peak, before = _Peak(process), process.cpu_times()
        rate = _ingest(client, documents)
        after, bare = process.cpu_times(), engines[0]
        spent = after.user + after.system - before.user - before.system
        figures = [
            at_least("log store: documents by bulk", rate, "docs/s", 50_000,
                     limit=bare.rate, limit_of=f"{bare.name}, Arrow batches"),
            # Whatever else the machine does: what one document costs of a core.
            at_most("log store: processor time of a document", spent / len(documents) * 1e6,
                    "µs", 2 * 1e6 / 50_000),
            at_most("log store: memory, idle", idle, "MB", 120),
        ]  # fmt: skip
        for name, body in _SEARCHES.items():
            own = _quantiles(lambda b=body: client.post("/logs/_search", json=b).json())
            theirs = _quantiles(bare.searches[name])
            figures += [
                at_most(f"log store: {name}, {label}", value, "ms", _TARGETS[name],
                        limit=limit, limit_of=bare.name)
                for label, value, limit in zip(("p50", "p95"), own, theirs, strict=True)
            ]  # fmt: skip
        figures.append(at_most("log store: memory, at most", peak.end(), "MB", 300))
        counted = client.get("/logs/_count").json()["count"]
        if counted != len(documents):
            raise AssertionError(f"{counted} of {len(documents)} documents are there")
    return figures + [figure for engine in engines[1:] for figure in _beside(engine)]


def _beside(engine: Engine) -> list[Figure]:
    """What another engine does with the same documents (nothing is aimed at)."""
    figures = [Figure(f"{engine.name}: documents by batch", engine.rate, "docs/s", "—", True)]
    for name, search in engine.searches.items():
        late = _quantiles(search)[1]
        figures.append(Figure(f"{engine.name}: {name}, p95", late, "ms", "—", True))
    return figures


if __name__ == "__main__":
    print_report(Console(width=160), measure_logs(*map(int, sys.argv[1:2])))
