"""Syncs of connectors of Airbyte's protocol, beside what each emits by itself in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.platform_file import Platform
from bootstrap.provision.connectors import ensure_connectors
from services.common.settings import CHECKOUT
from tests.bench.report import Figure, at_least
from tests.bench.runs import Run
from tests.contract.airbyte.client import Airbyte

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
OVERWRITE = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
_EMITTER = CHECKOUT / "tests" / "support" / "connectors" / "scripted.py"
_FAKER = "7.2.1"

Json = dict[str, Any]


def from_connectors(airbyte: Airbyte) -> list[Figure]:
    """Return the figures of a real connector (where it can be installed) and of the fastest."""
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    document["connectors"] = {
        "emitter": {"command": [sys.executable, str(_EMITTER)]},
        "faker": {"package": "airbyte-source-faker", "version": _FAKER},
    }
    (airbyte.home.folder / "lakelet.yml").write_text(yaml.safe_dump(document))
    platform = Platform.model_validate({**document, "connections": {}, "reconcile": {}})
    definitions = ensure_connectors(Client(airbyte.settings), platform, airbyte.settings)
    return [_faker(airbyte, definitions["faker"]), _emitter(airbyte, definitions["emitter"])]


def _faker(airbyte: Airbyte, definition: str) -> Figure:
    """Airbyte's own source-faker, installed as the product installs it."""
    rows = ROWS // 10
    config: Json = {"count": rows, "seed": 7, "parallelism": 1, "records_per_slice": 1000}
    source = airbyte.source(config, definition, "faker")
    (users,) = (e["stream"] for e in airbyte.catalog(source) if e["stream"]["name"] == "users")
    stream = {
        "name": "users",
        "json_schema": users["jsonSchema"],
        "supported_sync_modes": users["supportedSyncModes"],
    }
    place = airbyte.settings.data_dir / "airbyte" / "connectors" / f"airbyte-source-faker-{_FAKER}"
    program = [str(place / "bin" / "source-faker")]
    return _beside(
        "Airbyte's source-faker → bronze", airbyte, source, program, config, stream, rows
    )


def _emitter(airbyte: Airbyte, definition: str) -> Figure:
    """A connector that only writes ready lines, many times as fast as any that has to ask."""
    stream = {
        "name": "things",
        "json_schema": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        },
        "supported_sync_modes": ["full_refresh"],
    }
    data = {"id": "{i}", "name": "a thing with a name"}
    message = {"type": "RECORD", "record": {"stream": "things", "data": data, "emitted_at": 1}}
    config = {"streams": [stream], "messages": [{"repeat": ROWS, "message": message}]}
    source = airbyte.source(config, definition, "emitter")
    program = [sys.executable, str(_EMITTER)]
    name = "a connector of ready lines → bronze"
    return _beside(name, airbyte, source, program, config, stream, ROWS)


def _beside(
    name: str,
    airbyte: Airbyte,
    source: str,
    program: Sequence[str],
    config: Json,
    stream: Json,
    rows: int,
) -> Figure:
    connection = airbyte.connect(source, f"by_{stream['name']}", {stream["name"]: OVERWRITE})
    before = _alone(airbyte.home.folder, program, config, stream)
    run = Run(airbyte, connection)
    assert run.records == rows
    # Before and after: other work on the machine comes and goes.
    bare = (before + _alone(airbyte.home.folder, program, config, stream)) / 2
    # Two processes share the cores, of which the connector takes one.
    return at_least(
        name,
        rows / run.seconds,
        "rows/s",
        0.5 * rows / bare,
        limit=rows / bare,
        limit_of="the connector by itself, its rows thrown away",
    )


def _alone(folder: Path, program: Sequence[str], config: Json, stream: Json) -> float:
    """Return the seconds of the connector's own `read`."""
    configured = {
        "stream": stream,
        "sync_mode": "full_refresh",
        "destination_sync_mode": "overwrite",
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps({"streams": [configured]}))
    began = time.monotonic()
    subprocess.run(
        [*program, "read", "--config", "config.json", "--catalog", "catalog.json"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - began
