"""Several sources, connections and syncs at once: one that fails does not hide the others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bootstrap.clients.airbyte import Airbyte
from bootstrap.environment import ensure_env_file
from bootstrap.pipeline import sync_connections
from bootstrap.platform_file import Platform
from bootstrap.progress import Progress
from bootstrap.provision.airbyte import DATA_LAKE_DEFINITION, SOURCE_DEFINITIONS, ensure_ingestion
from services.airbyte.handlers import actors, definitions
from services.common.errors import ConfigError, PermanentError
from services.common.settings import Settings, read_settings

STREAM = {"stream": {"name": "t"}, "config": {}}
COPY = {"mode": "full_refresh", "write": "overwrite"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ensure_env_file(tmp_path)
    return read_settings(tmp_path)


class FakeAirbyte:
    """Takes what it is told; the source called `away` cannot be reached."""

    workspace = "w"

    def __init__(self, **present: dict[str, Any]) -> None:
        self.present = present
        self.made: dict[str, list[str]] = {"sources": [], "destinations": [], "connections": []}

    def named(self, kind: str, name: str) -> dict[str, Any] | None:
        return self.present.get(kind) if name == "here" else None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind, _, operation = path.partition("/")
        if operation == "create":
            self.made[kind].append(body["name"])
            return {f"{kind[:-1]}Id": body["name"]}
        if kind == "source_definition_specifications":
            return {"connectionSpecification": {"properties": {"host": {}, "schemas": {}}}}
        if operation == "update":
            return {}
        if operation == "check_connection":
            failed = body.get("sourceId") == "away"
            return {"status": "failed" if failed else "succeeded", "message": "host unknown"}
        if operation == "discover_schema":
            return {"catalog": {"streams": [STREAM]}}
        assert path == "destination_definitions/list"
        return {"destinationDefinitions": [{"destinationDefinitionId": DATA_LAKE_DEFINITION}]}


def test_a_source_that_is_away_keeps_no_other_from_being_set_up(settings: Settings) -> None:
    kinds = {"typo": "postgre", "away": "postgres", "here": "postgres", "short": "postgres"}
    connections = {
        name: {"source": name, "namespace": name, "streams": {"t": COPY}} for name in kinds
    }
    connections["short"]["streams"] = {"u": COPY}
    platform = Platform.model_validate(
        {
            "version": 1,
            "sources": {name: {"type": kind, "configuration": {}} for name, kind in kinds.items()},
            "connections": connections,
            "layers": {},
            "dbt": {"layers": []},
        }
    )
    airbyte: Any = FakeAirbyte()
    with pytest.raises(ConfigError) as caught:
        ensure_ingestion(airbyte, platform, settings)
    told = str(caught.value).splitlines()
    assert airbyte.made["connections"] == ["here"]
    assert told[0].startswith("source 'typo': unknown source type 'postgre'")
    assert told[1] == "source 'away': host unknown"
    assert told[2].startswith("connection 'short': source 'short' has no stream 'u'")


POSTGRES = SOURCE_DEFINITIONS["postgres"]


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (
            {"sources": {"sourceId": "here", "sourceDefinitionId": "m", "sourceName": "MySQL"}},
            r"source 'here' is a MySQL already.*another name",
        ),
        (
            {"connections": {"connectionId": "c", "sourceId": "another"}},
            r"connection 'here' reads another source so far.*connections/delete of c",
        ),
    ],
)
def test_what_airbyte_cannot_change_is_refused(
    settings: Settings, present: dict[str, Any], words: str
) -> None:
    platform = Platform.model_validate(
        {
            "version": 1,
            "sources": {"here": {"type": "postgres", "configuration": {}}},
            "connections": {"here": {"source": "here", "namespace": "n", "streams": {"t": COPY}}},
            "layers": {},
            "dbt": {"layers": []},
        }
    )
    airbyte: Any = FakeAirbyte(**present)
    with pytest.raises(ConfigError, match=words):
        ensure_ingestion(airbyte, platform, settings)
    own = {"sourceId": "here", "sourceDefinitionId": POSTGRES, "sourceName": "Postgres"}
    airbyte = FakeAirbyte(sources=own, connections={"connectionId": "c", "sourceId": "here"})
    assert ensure_ingestion(airbyte, platform, settings) == ["here"]


def test_a_field_that_is_almost_one_of_the_connectors_is_named(settings: Settings) -> None:
    def set_up(**configuration: Any) -> list[str]:
        platform = Platform.model_validate(
            {
                "version": 1,
                "sources": {"one": {"type": "postgres", "configuration": configuration}},
                "layers": {},
                "dbt": {"layers": []},
            }
        )
        airbyte: Any = FakeAirbyte()
        ensure_ingestion(airbyte, platform, settings)
        return list(airbyte.made["sources"])

    with pytest.raises(ConfigError, match=r"source 'one': .*'schema'; did you mean schemas"):
        set_up(host="h", schema=["a"])
    # What resembles none may be meant for another version of the connector.
    assert set_up(host="h", schemas=["a"], from_later="x") == ["one"]


def test_every_sync_that_failed_is_told_and_what_was_refused(settings: Settings) -> None:
    class Syncs:
        def sync(self, name: str, _: Any) -> dict[str, Any]:
            if name.startswith("bad"):
                raise PermanentError(f"sync of {name!r} failed")
            stats = {"recordsCommitted": 5, "recordsRejected": 2 if name == "some" else 0}
            return {"job": {"aggregatedStats": stats}}

    syncs: Any = Syncs()
    progress = Progress(Console(file=io.StringIO()), spinner=False)
    with pytest.raises(PermanentError, match=r"^sync of 'bad1' failed\nsync of 'bad2' failed$"):
        sync_connections(syncs, ["bad1", "good", "bad2"], progress)
    file = io.StringIO()
    progress = Progress(Console(file=file, width=200), spinner=False)
    sync_connections(syncs, ["good", "some"], progress)
    assert "good: 5 rows, some: 5 rows, 2 REFUSED" in file.getvalue()
    assert "lakelet dead-letters list" in file.getvalue()


def test_the_client_waits_longer_than_the_server_takes_to_install(settings: Settings) -> None:
    longest = max(actors.CHECK_SECONDS, actors.DISCOVER_SECONDS, definitions.SPEC_SECONDS)
    waits = Airbyte(settings).http.timeout.read
    assert waits is not None
    assert waits > longest
