from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.airbyte.cdk.catalog import ConfiguredStream, configured_streams
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.protocol.launch import Launch
from services.airbyte.sources.protocol.reading import Pace
from services.airbyte.sources.protocol.source import ProtocolSource
from services.common.settings import CHECKOUT

Json = dict[str, Any]
SCRIPT = CHECKOUT / "tests" / "support" / "connectors" / "scripted.py"


def record(stream: str, data: Any, **more: Any) -> Json:
    return {
        "type": "RECORD",
        "record": {"stream": stream, "data": data, "emitted_at": 1.0, **more},
    }


def state(stream: str, value: Json, count: int | None = None) -> Json:
    told: Json = {
        "type": "STREAM",
        "stream": {"stream_descriptor": {"name": stream}, "stream_state": value},
    }
    if count is not None:
        told["sourceStats"] = {"recordCount": float(count)}
    return {"type": "STATE", "state": told}


def status(stream: str, word: str) -> Json:
    told = {"stream_descriptor": {"name": stream}, "status": word}
    return {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "stream_status": told}}


def stream(name: str, mode: str, write: str, **properties: Any) -> ConfiguredStream:
    kinds = properties or {"id": {"type": "integer"}, "name": {"type": "string"}}
    entry = {
        "stream": {"name": name, "jsonSchema": {"properties": kinds}, "sourceDefinedCursor": True},
        "config": {"syncMode": mode, "destinationSyncMode": write, "primaryKey": [["id"]]},
    }
    return configured_streams({"streams": [entry]})[0]


@dataclass
class Run:
    """What a read gave: (stream, rows, state) for each commit, in order, and how it ended."""

    commits: list[list[tuple[str, list[tuple[Any, ...]], Json | None]]] = field(
        default_factory=list
    )
    error: Exception | None = None
    log: list[tuple[str, str]] = field(default_factory=list)
    letters: dict[str, list[Json]] = field(default_factory=dict)
    configs: list[Json] = field(default_factory=list)

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        return [row for group in self.commits for s, rows, _ in group if s == name for row in rows]

    @property
    def text(self) -> str:
        return "\n".join(text for text, _ in self.log)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    def go(
        streams: Sequence[ConfiguredStream],
        messages: Sequence[Json],
        states: dict[str, Json | None] | None = None,
        *,
        pace: Pace | None = None,
        silence: float = 60,
        **config: Any,
    ) -> Run:
        result = Run()

        def letters(name: str, records: Sequence[Json]) -> str:
            result.letters.setdefault(name, []).extend(records)
            return f"s3://dlq/{name}"

        env = Environment(
            inbox=tmp_path,
            s3_endpoint="",
            s3_key="",
            s3_secret="",
            log=lambda text, level="INFO": result.log.append((text, level)),
            dead_letters=letters,
            folder=tmp_path / "data",
            silence=silence,
            config_changed=result.configs.append,
        )
        source = ProtocolSource(Launch("command", command=(sys.executable, str(SCRIPT))), pace)
        duck = duckdb.connect()
        told = {"messages": list(messages), **config}
        try:
            with source.batches(told, streams, states or {}, duck, env) as batches:
                for group in batches:
                    commit = []
                    for batch in group:
                        own = [quote(c.name) for c in batch.reading.columns]
                        query = f"SELECT {', '.join([*own, str(batch.reading.changes)])} FROM"
                        order = f"ORDER BY {batch.reading.order}"
                        rows = duck.execute(f"{query} {batch.reading.relation} {order}").fetchall()
                        commit.append((batch.stream.name, rows, batch.reading.state()))
                    result.commits.append(commit)
        except ConnectorError as error:
            result.error = error
        assert not list((tmp_path / "data" / "runs").iterdir()), "something was left behind"
        return result

    return go
