from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.columns import quote
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.file.source import build


class Read:
    """Writes files into the inbox, discovers the url's stream and reads it whole."""

    def __init__(self, inbox: Path) -> None:
        self.inbox, self.refused = inbox, list[Any]()

    def environment(self) -> Environment:
        return Environment(
            inbox=self.inbox,
            s3_endpoint="",
            s3_key="",
            s3_secret="",
            log=lambda text, level="INFO": None,
            dead_letters=lambda name, records: self.refused.extend(records) or "dlq",
            folder=self.inbox,
            silence=60,
            config_changed=lambda config: None,
        )

    def __call__(
        self, files: dict[str, bytes], url: str, kind: str = "csv", **options: Any
    ) -> list[tuple[Any, ...]]:
        self.refused.clear()
        for name, content in files.items():
            (self.inbox / name).write_bytes(content)
        config = {
            "dataset_name": "rows",
            "format": kind,
            "url": f"/local/{url}",
            "provider": {"storage": "local"},
            "reader_options": json.dumps(options),
        }
        source, env = build(), self.environment()
        (stream,) = source.discover(config, env)
        chosen = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
        catalog = {"streams": [{"stream": stream.as_json(), "config": chosen}]}
        (configured,) = configured_streams(catalog)
        duck = duckdb.connect()
        with source.read(config, configured, None, duck, env) as reading:
            names = []
            for column in reading.columns:
                test, _ = reading.nulled.get(column.name, ("false", ""))
                if "_ab_" not in column.name:
                    names.append(f"CASE WHEN ({test}) IS NOT TRUE THEN {quote(column.name)} END")
            found = duck.execute(
                f"SELECT {', '.join(names)} FROM {reading.relation} ORDER BY 1"
            ).fetchall()
            reading.state()
            return found


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return Read(tmp_path)
