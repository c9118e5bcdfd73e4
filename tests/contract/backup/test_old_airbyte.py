"""The bootstrap against Airbyte 0.63.19, the last with Compose files, and Dremio with Nessie.

Requests and answers are held to what that release's OpenAPI document says
(airbyte_0_63_19.json; see tests/support/airbyte_requests.py).
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from bootstrap.clients.airbyte import Airbyte
from bootstrap.compose.view import inside
from bootstrap.environment import ensure_env_file
from bootstrap.migrate import read_states, write_states
from bootstrap.platform_file import read_platform
from bootstrap.provision.airbyte import DATA_LAKE_DEFINITION, SOURCE_DEFINITIONS, ensure_ingestion
from bootstrap.provision.dremio import ensure_layers
from services.common.settings import Settings, read_settings
from tests.contract.backup.test_migrate import PLATFORM
from tests.support.airbyte_shapes import Shapes

Json = dict[str, Any]
SHAPES = Shapes(Path(__file__).with_name("airbyte_0_63_19.json"))
STREAM = {"name": "sold", "jsonSchema": {}, "supportedSyncModes": ["full_refresh", "incremental"]}
CONFIG = {"syncMode": "full_refresh", "destinationSyncMode": "append", "selected": True}
# Those of its PostgreSQL source.
FIELDS = (
    *("host", "port", "database", "schemas", "username", "password", "jdbc_url_params"),
    *("ssl", "ssl_mode", "replication_method", "tunnel_method"),
)


class OldAirbyte:
    """Answers as 0.63.19: its registry has the sources, and no S3 Data Lake destination."""

    def __init__(self) -> None:
        self.workspace = str(uuid.uuid4())
        self.kept: dict[str, list[Json]] = {
            kind: [] for kind in ("source", "destination", "connection", "definition")
        }
        self.states: dict[str, Json] = {}
        self.jobs: list[Json] = []
        self.asked: list[tuple[str, Json]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.removeprefix("/api/v1/")
        body = json.loads(request.content or b"{}")
        self.asked.append((name, body))
        assert SHAPES.problems(f"ASK {name}", body) == []
        found = getattr(self, name.replace("/", "_"))(body)
        assert SHAPES.problems(f"POST {name}", found) == []
        return httpx.Response(200, json=found)

    def workspaces_list(self, _: Json) -> Json:
        names = ("workspaceId", "customerId", "organizationId")
        return {
            "workspaces": [
                {
                    **dict.fromkeys(names, self.workspace),
                    "name": "Default",
                    "slug": "default",
                    "initialSetupComplete": True,
                }
            ]
        }

    def destination_definitions_list(self, _: Json) -> Json:
        return {"destinationDefinitions": self.kept["definition"]}

    def destination_definitions_create_custom(self, body: Json) -> Json:
        made = {**body["destinationDefinition"], "destinationDefinitionId": str(uuid.uuid4())}
        self.kept["definition"].append(made)
        return made

    def _list(self, kind: str) -> Json:
        return {f"{kind}s": self.kept[kind]}

    def _create(self, kind: str, body: Json) -> Json:
        made = {**body, f"{kind}Id": str(uuid.uuid4())}
        made |= {"breakingChange": False} if kind == "connection" else {f"{kind}Name": kind}
        self.kept[kind].append(made)
        return made

    def _update(self, kind: str, body: Json) -> Json:
        (present,) = (k for k in self.kept[kind] if k[f"{kind}Id"] == body[f"{kind}Id"])
        present |= body
        return present

    def _check(self, _: Json) -> Json:
        return {"status": "succeeded", "jobInfo": self._job("check_connection_source")}

    def _job(self, kind: str) -> Json:
        return {
            "id": str(uuid.uuid4()),
            "configType": kind,
            "createdAt": 1,
            "endedAt": 2,
            "succeeded": True,
            "connectorConfigurationUpdated": False,
        }

    def sources_discover_schema(self, _: Json) -> Json:
        catalog = {"streams": [{"stream": STREAM, "config": CONFIG}]}
        return {"catalog": catalog, "jobInfo": self._job("discover_schema")}

    def source_definition_specifications_get(self, body: Json) -> Json:
        return {
            "sourceDefinitionId": body["sourceDefinitionId"],
            "connectionSpecification": {"properties": {name: {} for name in FIELDS}},
            "jobInfo": self._job("get_spec"),
        }

    def _begin(self, kind: str, body: Json) -> Json:
        job = {"id": len(self.jobs) + 1, "configType": kind, "configId": body["connectionId"]}
        self.jobs.insert(0, {**job, "createdAt": 1, "updatedAt": 1, "status": "running"})
        return {"job": self.jobs[0], "attempts": []}

    def connections_refresh(self, body: Json) -> Json:
        self._begin("refresh", body)
        return {"value": True}

    def connections_clear(self, body: Json) -> Json:
        return self._begin("clear", body)

    def connections_clear_stream(self, body: Json) -> Json:
        return self._begin("clear", body)

    def jobs_list(self, _: Json) -> Json:
        jobs = [{"job": job, "attempts": []} for job in self.jobs]
        return {"jobs": jobs, "totalJobCount": len(jobs)}

    def jobs_get(self, body: Json) -> Json:
        return self._ended(body, "succeeded")

    def jobs_cancel(self, body: Json) -> Json:
        return self._ended(body, "cancelled")

    def _ended(self, body: Json, status: str) -> Json:
        (job,) = (job for job in self.jobs if job["id"] == body["id"])
        job["status"] = status
        return {"job": job, "attempts": []}

    def state_get(self, body: Json) -> Json:
        nothing = {"stateType": "not_set", "connectionId": body["connectionId"]}
        return self.states.get(body["connectionId"], nothing)

    def state_create_or_update(self, body: Json) -> Json:
        self.states[body["connectionId"]] = body["connectionState"]
        return body["connectionState"]


for _kind in ("source", "destination", "connection"):
    for _verb in ("list", "create", "update"):
        setattr(
            OldAirbyte,
            f"{_kind}s_{_verb}",
            lambda self, body, kind=_kind, verb=_verb: (
                self._list(kind) if verb == "list" else getattr(self, f"_{verb}")(kind, body)
            ),
        )
    setattr(OldAirbyte, f"{_kind}s_check_connection", OldAirbyte._check)


@pytest.fixture
def seen(tmp_path: Path) -> Settings:
    """The settings as the vendors' servers see each other."""
    ensure_env_file(tmp_path)
    (tmp_path / "lakelet.yml").write_text(PLATFORM)
    return inside(read_settings(tmp_path), "vendor")


@pytest.fixture
def old() -> OldAirbyte:
    return OldAirbyte()


@pytest.fixture
def airbyte(old: OldAirbyte, seen: Settings) -> Airbyte:
    made = Airbyte(seen)
    made.http = httpx.Client(transport=httpx.MockTransport(old.answer), base_url="http://old")
    return made


def test_the_destination_is_made_from_its_image_once(
    old: OldAirbyte, airbyte: Airbyte, seen: Settings
) -> None:
    platform = read_platform(seen)
    for _ in range(2):
        assert ensure_ingestion(airbyte, platform, seen) == ["shop"]
    (definition,) = old.kept["definition"]
    assert definition["dockerRepository"] == "airbyte/destination-s3-data-lake"
    (destination,) = old.kept["destination"]
    assert destination["destinationDefinitionId"] == definition["destinationDefinitionId"]
    configuration = destination["connectionConfiguration"]
    assert configuration["catalog_type"]["server_uri"] == "http://nessie:19120/iceberg"
    assert configuration["s3_endpoint"] == "http://minio:9000"
    (source,) = old.kept["source"]
    assert source["sourceDefinitionId"] == SOURCE_DEFINITIONS["postgres"]
    assert source["connectionConfiguration"]["host"] == "postgres"
    assert source["connectionConfiguration"]["port"] == 5432
    (connection,) = old.kept["connection"]
    (stream,) = connection["syncCatalog"]["streams"]
    assert (stream["config"]["syncMode"], stream["config"]["cursorField"]) == (
        "incremental",
        ["id"],
    )


def test_a_newer_airbyte_keeps_its_own_definition(
    old: OldAirbyte, airbyte: Airbyte, seen: Settings
) -> None:
    known = {"name": "S3 Data Lake", "dockerRepository": "airbyte/destination-s3-data-lake"}
    known |= {"dockerImageTag": "0.4.0", "documentationUrl": ""}
    old.kept["definition"].append({**known, "destinationDefinitionId": DATA_LAKE_DEFINITION})
    ensure_ingestion(airbyte, read_platform(seen), seen)
    assert "destination_definitions/create_custom" not in {name for name, _ in old.asked}
    assert old.kept["destination"][0]["destinationDefinitionId"] == DATA_LAKE_DEFINITION


def test_states_move_as_the_release_takes_them(
    old: OldAirbyte, airbyte: Airbyte, seen: Settings
) -> None:
    """A state as the embedded Airbyte gives it (test_migrate.py has it from there)."""
    ensure_ingestion(airbyte, read_platform(seen), seen)
    assert read_states(airbyte)["shop"]["stateType"] == "not_set"
    blob = {"cursor": "200", "version": 2, "state_type": "cursor_based", "stream_name": "sold"}
    entry = {"streamDescriptor": {"name": "sold", "namespace": "public"}, "streamState": blob}
    state = {"stateType": "stream", "connectionId": str(uuid.uuid4()), "streamState": [entry]}
    assert write_states(airbyte, {"shop": state}) == ["shop"]
    moved = read_states(airbyte)["shop"]
    assert moved["connectionId"] == old.kept["connection"][0]["connectionId"]
    assert moved["streamState"] == [entry]


def test_jobs_by_hand_are_asked_for_as_the_release_takes_them(
    old: OldAirbyte, airbyte: Airbyte, seen: Settings
) -> None:
    ensure_ingestion(airbyte, read_platform(seen), seen)
    connection = airbyte.connection("shop")
    (entry,) = connection["syncCatalog"]["streams"]
    for streams in ([], [entry]):
        refreshed = airbyte.refresh(connection, streams, truncate=bool(streams))
        assert (refreshed["job"]["configType"], refreshed["job"]["status"]) == (
            "refresh",
            "succeeded",
        )
        airbyte.clear(connection, streams)
        assert (old.jobs[0]["configType"], old.jobs[0]["status"]) == ("clear", "succeeded")
    assert airbyte.cancel("shop") is None
    airbyte.post("connections/clear", {"connectionId": connection["connectionId"]})
    ended = airbyte.cancel("shop")
    assert ended is not None
    assert (ended["id"], ended["status"]) == (5, "cancelled")


def test_bronze_is_nessies_and_the_others_are_buckets(seen: Settings) -> None:
    sent: list[Json] = []

    class Dremio:
        def by_path(self, *_: str) -> None: ...

        def call(self, method: str, path: str, body: Json) -> None:
            assert (method, path) == ("POST", "/api/v3/catalog")
            sent.append(body)

    ensure_layers(Dremio(), read_platform(seen), seen)  # type: ignore[arg-type]
    assert [(s["name"], s["type"]) for s in sent] == [
        ("bronze", "NESSIE"),
        ("silver", "S3"),
        ("gold", "S3"),
    ]
    # The fields that public set-ups of Dremio with Nessie and MinIO send.
    assert sent[0]["config"] == {
        "nessieEndpoint": "http://nessie:19120/api/v2",
        "nessieAuthType": "NONE",
        "credentialType": "ACCESS_KEY",
        "awsAccessKey": "dremio",
        "awsAccessSecret": seen.dremio_s3_secret_key.get_secret_value(),
        "awsRootPath": "/bronze",
        "secure": False,
        "propertyList": [
            {"name": "fs.s3a.path.style.access", "value": "true"},
            {"name": "fs.s3a.endpoint", "value": "minio:9000"},
            {"name": "dremio.s3.compat", "value": "true"},
        ],
    }
