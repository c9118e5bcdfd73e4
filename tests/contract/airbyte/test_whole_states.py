"""Connectors that keep one state for all of their streams (LEGACY), or a part of it (GLOBAL)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.platform_file import Platform
from bootstrap.provision.connectors import ensure_connectors
from services.common.settings import CHECKOUT
from tests.contract.airbyte.client import Airbyte, bronze_table, rows

SCRIPT = CHECKOUT / "tests" / "support" / "connectors" / "whole.py"
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
KINDS = ("LEGACY", "GLOBAL")


@pytest.fixture(scope="module")
def whole(airbyte: Airbyte) -> str:
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    document["connectors"] = {"whole": {"command": [sys.executable, str(SCRIPT)]}}
    (airbyte.home.folder / "lakelet.yml").write_text(yaml.safe_dump(document))
    platform = Platform.model_validate({**document, "connections": {}, "reconcile": {}})
    return ensure_connectors(Client(airbyte.settings), platform, airbyte.settings)["whole"]


class Story:
    """A connection of streams a and b, and what has to be in bronze."""

    def __init__(
        self, airbyte: Airbyte, definition: str, folder: Path, kind: str, mode: Any, **fields: Any
    ) -> None:
        self.airbyte, self.folder = airbyte, folder
        self.namespace = f"{kind}_{mode['destinationSyncMode']}_{len(fields)}".lower()
        self.document: dict[str, Any] = {"columns": ["id", "n"], "rows": []}
        self.add("aabb")
        config = {"data": str(folder / "data.json"), "kind": kind}
        self.source = airbyte.source(config, definition, self.namespace)
        self.connection = airbyte.connect(
            self.source, self.namespace, {"a": mode, "b": mode}, **fields
        )

    def add(self, names: str, **columns: int) -> None:
        known = self.document["rows"]
        known += [{"stream": s, "id": len(known) + i, **columns} for i, s in enumerate(names)]
        (self.folder / "data.json").write_text(json.dumps(self.document))

    def sync(self) -> dict[str, Any]:
        return self.airbyte.sync(self.connection)

    def agrees(self) -> None:
        for name in "ab":
            wanted = [row["id"] for row in self.document["rows"] if row["stream"] == name]
            assert self.ids(name) == wanted, name

    def ids(self, name: str, column: str = "id") -> list[Any]:
        query = f'SELECT {column} FROM bronze."{self.namespace}".{name} ORDER BY id'
        return [value for (value,) in rows(self.airbyte.settings, query)]

    def one(self, path: str, name: str, **more: Any) -> None:
        """Clear or refresh one stream and wait for the job's end."""
        body = {"connectionId": self.connection, "streams": [{"streamName": name}], **more}
        job = self.airbyte.post(path, **body)
        info = self.airbyte.wait(int((job.get("job") or job)["id"]))
        assert info["job"]["status"] == "succeeded", info

    def select(self, names: str) -> None:
        got = self.airbyte.post("connections/get", connectionId=self.connection)
        for entry in got["syncCatalog"]["streams"]:
            entry["config"]["selected"] = entry["stream"]["name"] in names
        catalog = {"syncCatalog": got["syncCatalog"], "skipReset": True}
        self.airbyte.post("connections/update", connectionId=self.connection, **catalog)


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_comes_once_also_after_a_crash_and_a_state_from_outside(
    airbyte: Airbyte, whole: str, tmp_path: Path, kind: str
) -> None:
    story = Story(airbyte, whole, tmp_path, kind, APPEND)
    (tmp_path / "die").touch()
    assert len(story.sync()["attempts"]) == 2
    story.agrees()
    story.add("ab")
    story.sync()
    story.agrees()
    state = airbyte.post("state/get", connectionId=story.connection)
    assert state["stateType"] == kind.lower()
    airbyte.post(
        "state/create_or_update",
        connectionId=story.connection,
        connectionState={"stateType": "not_set", "connectionId": story.connection},
    )
    airbyte.post("state/create_or_update", connectionId=story.connection, connectionState=state)
    story.add("ba")
    story.sync()
    story.agrees()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_forgotten_is_read_again_and_no_other_misses_rows(
    airbyte: Airbyte, whole: str, tmp_path: Path, kind: str
) -> None:
    story = Story(airbyte, whole, tmp_path, kind, DEDUP)
    story.sync()
    story.add("ab")
    story.one("connections/clear/stream", "a")
    assert story.ids("a") == []
    story.sync()
    story.agrees()
    story.add("ab")
    story.one("connections/refresh", "b", refreshMode="Merge")
    story.agrees()
    story.select("a")
    story.add("ab")
    story.sync()
    story.select("ab")
    story.sync()
    story.agrees()
    table = bronze_table(airbyte.settings, story.namespace, "b")
    table.catalog.drop_table(table.name())
    story.sync()
    story.agrees()


@pytest.mark.parametrize("kind", KINDS)
def test_old_rows_get_a_new_columns_values(
    airbyte: Airbyte, whole: str, tmp_path: Path, kind: str
) -> None:
    propagate = {
        "nonBreakingChangesPreference": "propagate_columns",
        "backfillPreference": "enabled",
    }
    story = Story(airbyte, whole, tmp_path, kind, DEDUP, **propagate)
    story.sync()
    story.document["columns"].append("late")
    for row in story.document["rows"]:
        row["late"] = row["id"] * 10
    story.add("ab", late=7)
    with airbyte.own_database() as db:  # a connector is asked again after a day
        change = "UPDATE catalogs SET created_at = created_at - interval '2 days'"
        db.execute(f"{change} WHERE actor_id = %s", (story.source,))
    story.sync()
    story.agrees()
    assert story.ids("a", "late") == [0, 10, 7]
    assert story.ids("b", "late") == [20, 30, 7]
