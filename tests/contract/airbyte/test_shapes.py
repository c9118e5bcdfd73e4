"""Every operation answers with the fields, types and enums that Airbyte's OpenAPI document names.

The facts are in shapes.json (see tests/support/airbyte_shapes.py). A call is missing here: the
test fails, so that no operation is served without being looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.airbyte.client import LAKE, POSTGRES, Airbyte
from tests.support.airbyte_shapes import Shapes

SHAPES = Shapes(Path(__file__).with_name("shapes.json"))
FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
Json = dict[str, Any]
# These install packages and have a test of their own.
OF_DEFINITIONS = {
    key
    for key in SHAPES.operations
    if any(part in key for part in ("declarative_source", "connector_builder_projects/"))
    or key.endswith(("/source_definitions/create_custom", "/source_definitions/update"))
    or key.endswith("/source_definitions/delete")
    or ("/definitions/sources" in key and not key.startswith("GET"))
}


class World:
    """A source, a destination, a connection that was synced once, and a failed one."""

    def __init__(self, airbyte: Airbyte) -> None:
        self.airbyte = airbyte
        with airbyte.shop() as db:
            for name in ("shaped", "misshapen"):
                db.execute(
                    f"CREATE TABLE {name} (id int PRIMARY KEY, at timestamptz DEFAULT now())"
                )
            db.execute("INSERT INTO shaped SELECT i FROM generate_series(1, 7) i")
        self.config = airbyte.postgres_config()
        self.source = airbyte.source(self.config)
        self.destination = airbyte.destination()
        self.connection = airbyte.connect(
            self.source,
            "shapes",
            {"shaped": FULL},
            scheduleType="cron",
            scheduleData={"cron": {"cronExpression": "0 0 4 1 1 ?", "cronTimeZone": "UTC"}},
        )
        self.job = int(airbyte.sync(self.connection)["job"]["id"])
        self.broken = airbyte.connect(self.source, "shapes", {"misshapen": FULL})
        with airbyte.shop() as db:
            db.execute("DROP TABLE misshapen")
        airbyte.failure(self.broken)
        self.workspace = airbyte.workspace
        self.catalog = airbyte.post("connections/get", connectionId=self.connection)["syncCatalog"]
        shown = airbyte.post("destinations/get", destinationId=self.destination)
        self.lake_config = shown["connectionConfiguration"]

    @property
    def source_body(self) -> Json:
        return {
            "workspaceId": self.workspace,
            "sourceDefinitionId": POSTGRES,
            "name": "another",
            "connectionConfiguration": self.config,
        }

    @property
    def connection_body(self) -> Json:
        return {
            "sourceId": self.source,
            "destinationId": self.destination,
            "name": "another",
            "status": "active",
            "syncCatalog": self.catalog,
            "namespaceDefinition": "customformat",
            "namespaceFormat": "shapes_too",
        }

    def bodies(self) -> dict[str, Json]:
        """Return what each operation of the Config API is called with, in a sensible order."""
        workspace = {"workspaceId": self.workspace}
        source, target = {"sourceId": self.source}, {"destinationId": self.destination}
        connection, job = {"connectionId": self.connection}, {"id": self.job}
        source_kind, target_kind = (
            {"sourceDefinitionId": POSTGRES},
            {"destinationDefinitionId": LAKE},
        )
        lake = {"connectionConfiguration": self.lake_config}
        new = {"connectionConfiguration": self.config, "name": "shop"}
        cron = {"cronExpression": "0 0 4 * * ?"}
        attempt = {"jobId": self.job, "attemptNumber": 0}
        streams = {"streams": [{"streamName": "shaped", "streamNamespace": "public"}]}
        state = {**connection, "connectionState": {"stateType": "not_set", **connection}}
        fresh = {"workspaceId": self._fresh_workspace()}
        tag = self.airbyte.post("tags/create", **workspace, name="old", color="00ff00")
        return {
            "workspaces/create": {"name": "made"},
            "workspaces/create_if_not_exist": {"id": self.workspace, "name": "made too"},
            "workspaces/update": {**fresh, "name": "renamed"},
            "workspaces/update_name": {**fresh, "name": "renamed again"},
            "workspaces/delete": fresh,
            "workspaces/get_by_slug": {"slug": "lakelet"},
            "tags/list": workspace,
            "tags/create": {**workspace, "name": "nightly", "color": "ff0000"},
            "tags/update": {"tagId": tag["tagId"], "name": "newer", "color": "0000ff"},
            "tags/delete": {"tagId": tag["tagId"]},
            "source_definitions/get": source_kind,
            "source_definitions/get_for_workspace": {**source_kind, **workspace},
            "destination_definitions/get": target_kind,
            "destination_definitions/get_for_workspace": {**target_kind, **workspace},
            "source_definition_specifications/get": {**source_kind, **workspace},
            "destination_definition_specifications/get": {**target_kind, **workspace},
            "sources/create": self.source_body,
            "sources/update": {**source, **new},
            "sources/partial_update": {**source, "name": "shop"},
            "sources/check_connection_for_update": {**source, **new},
            "destinations/create": {**workspace, **target_kind, **lake, "name": "lake"},
            "destinations/update": {**target, **lake, "name": "lake"},
            "destinations/partial_update": {**target, "name": "lake"},
            "destinations/check_connection_for_update": {**target, **lake, "name": "lake"},
            "sources/search": {"name": "shop"},
            "destinations/search": {"name": "lake"},
            "scheduler/sources/check_connection": {**source_kind, **workspace, **new},
            "scheduler/sources/discover_schema": {**source_kind, **workspace, **new},
            "scheduler/destinations/check_connection": {
                **target_kind,
                **workspace,
                **target,
                **lake,
            },
            "connections/create": self.connection_body,
            "connections/update": {**connection, "prefix": ""},
            "connections/update_with_reason": {"connectionUpdate": {**connection, "prefix": ""}},
            "connections/list_by_actor_definition": {
                "actorDefinitionId": POSTGRES,
                "actorType": "source",
            },
            "connections/list_paginated": {"workspaceIds": [self.workspace]},
            "connections/search": {"sourceId": self.source},
            "connections/status": {"connectionIds": [self.connection, self.broken]},
            "connections/getForJob": {**connection, "jobId": self.job},
            "connections/history/uptime": {**connection, "numberOfJobs": 5},
            "connections/history/data": {**connection, "numberOfJobs": 5},
            "connections/stream_history": {**connection, "timezone": "Europe/Berlin"},
            "web_backend/connections/create": {**self.connection_body, "prefix": "web_"},
            "web_backend/connections/update": {**connection, "prefix": ""},
            "web_backend/connections/get": {**connection, "withRefreshedCatalog": True},
            "web_backend/describe_cron_expression": cron,
            "web_backend/mappers/validate": {
                **connection,
                "streamDescriptor": {"name": "shaped", "namespace": "public"},
                "mappers": [
                    {"type": "field-filtering", "mapperConfiguration": {"targetField": name}}
                    for name in ("at", "none")
                ],
            },
            "stream_statuses/list": {**workspace, **connection, "pagination": {}},
            "jobs/list": {"configTypes": ["sync"], "configId": self.connection},
            "jobs/list_for_workspaces": {"configTypes": ["sync"], "workspaceIds": [self.workspace]},
            "jobs/get": job,
            "jobs/get_without_logs": job,
            "jobs/get_light": job,
            "jobs/get_debug_info": job,
            "attempt/get_for_job": attempt,
            "attempt/get_combined_stats": attempt,
            "state/create_or_update": state,
            "state/create_or_update_safe": state,
            "connections/sync": connection,
            "jobs/create": connection,
            "connections/reset": connection,
            "connections/clear": connection,
            "connections/reset/stream": {**connection, **streams},
            "connections/clear/stream": {**connection, **streams},
            "connections/refresh": {**connection, **streams, "refreshMode": "Merge"},
            "users/get": {"userId": self.workspace},
            "organizations/get": {"organizationId": self.workspace},
            "organizations/get_organization_info": {"organizationId": self.workspace},
            "organizations/list_by_user_id": {"userId": self.workspace},
        }

    def _fresh_workspace(self) -> str:
        return str(self.airbyte.post("workspaces/create", name="for a while")["workspaceId"])

    def body(self, path: str, known: dict[str, Json]) -> Json:
        """Return the body of an operation: its own, or the ids that it will look for."""
        if path in known:
            return known[path]
        if path.startswith(("sources/", "source_", "actor_definition_versions/get_for_source")):
            return {"sourceId": self.source, "workspaceId": self.workspace}
        if path.startswith(("destinations/", "destination_", "actor_definition_versions/")):
            return {"destinationId": self.destination, "workspaceId": self.workspace}
        return {"workspaceId": self.workspace, "connectionId": self.connection}


@pytest.fixture(scope="module")
def world(airbyte: Airbyte) -> World:
    return World(airbyte)


# Deleting and cancelling come last and have their own tests, with what they do.
_LAST = (
    "/v1/sources/delete",
    "/v1/destinations/delete",
    "/v1/connections/delete",
    "/v1/jobs/cancel",
)


def test_the_config_api(world: World) -> None:
    bodies, problems = world.bodies(), []
    operations = {
        k: v for k, v in SHAPES.operations.items() if " /v1/" in k and k not in OF_DEFINITIONS
    }
    assert len(operations) > 90
    order = {path: number for number, path in enumerate(bodies)}
    for operation, fact in sorted(
        operations.items(), key=lambda item: order.get(item[0].partition("/v1/")[2], 0)
    ):
        method, _, path = operation.partition(" ")
        if path in _LAST or path.endswith("applications/token"):
            continue
        body = world.body(path.removeprefix("/v1/"), bodies)
        answer = world.airbyte.http.request(
            method, path.removeprefix("/v1/"), json=body if method == "POST" else None
        )
        if answer.status_code != fact["status"]:
            problems.append(f"{operation}: {answer.status_code} {answer.text[:300]}")
            continue
        if answer.content:
            found = SHAPES.problems(operation, answer.json())
            problems += [f"{operation}: {problem}" for problem in found]
        if path.partition("/v1/connections/")[2] in _STARTING or path == "/v1/jobs/create":
            world.airbyte.wait(int(answer.json()["job"]["id"]))
    for path, key, made in (
        ("connections/delete", "connectionId", world.broken),
        ("sources/delete", "sourceId", world.airbyte.source(world.config)),
        ("destinations/delete", "destinationId", world.airbyte.destination()),
    ):
        answer = world.airbyte.raw(path, **{key: made})
        if answer.status_code != 204:
            problems.append(f"{path}: {answer.status_code}")
    assert not problems, "\n".join(problems)


_STARTING = ("sync", "reset", "clear", "reset/stream", "clear/stream", "refresh")


def test_errors_have_airbytes_form(airbyte: Airbyte) -> None:
    missing = airbyte.raw("sources/get", sourceId=airbyte.workspace).json()
    assert SHAPES.errors("NotFoundKnownExceptionInfo", missing) == []
    invalid = airbyte.raw("sources/get", sourceId="none").json()
    assert SHAPES.errors("InvalidInputExceptionInfo", invalid) == []
    assert invalid["validationErrors"][0]["propertyPath"] == "sourceId"
    wrong = airbyte.http.get("sources/get")
    assert wrong.status_code == 405
    assert "Method [GET] not allowed" in wrong.json()["message"]
    nowhere = httpx.post(f"{airbyte.settings.airbyte_url}/api/v1/no/such", auth=airbyte.http.auth)
    assert nowhere.status_code == 404


def test_the_public_api(world: World) -> None:
    """In the order that a client would: make, look, change, run, delete."""
    settings, problems = world.airbyte.settings, []
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{settings.airbyte_public_port}/api",
        auth=world.airbyte.http.auth,
        timeout=60,
    )
    left = {key for key in SHAPES.operations if " /public/v1" in key} - OF_DEFINITIONS

    def call(operation: str, body: Json | None = None, query: str = "", **ids: str) -> Any:
        method, _, path = operation.partition(" ")
        answer = client.request(method, path.format(**ids) + query, json=body)
        left.discard(operation)
        assert answer.is_success, f"{operation}: {answer.status_code} {answer.text[:500]}"
        if not answer.content:
            return {}
        if "json" not in answer.headers["content-type"]:
            return {}
        found = SHAPES.problems(operation, answer.json())
        problems.extend(f"{operation}: {problem}" for problem in found)
        return answer.json()

    secret = settings.airbyte_client_secret.get_secret_value()
    call("GET /public/v1/health")
    token = {"client_id": settings.airbyte_client_id, "client_secret": secret}
    call("POST /public/v1/applications/token", token)
    made = call("POST /public/v1/workspaces", {"name": "by the public API"})["workspaceId"]
    call("PATCH /public/v1/workspaces/{workspaceId}", {"name": "renamed"}, workspaceId=made)
    for kind in ("sources", "destinations"):
        base = f"GET /public/v1/workspaces/{{workspaceId}}/definitions/{kind}"
        listed = call(base, workspaceId=made)["data"]
        call(base + "/{definitionId}", workspaceId=made, definitionId=listed[0]["id"])
    bodies = {
        "source": {"sourceType": "postgres", **world.config},
        "destination": {"destinationType": "s3-data-lake", **world.lake_config},
    }
    bodies["destination"]["secret_access_key"] = settings.airbyte_s3_secret_key.get_secret_value()
    ends = {}
    for kind, config in bodies.items():
        body = {"name": "p", "workspaceId": made, "configuration": config}
        ends[kind] = call(f"POST /public/v1/{kind}s", body)[f"{kind}Id"]
        one = f"/public/v1/{kind}s/{{{kind}Id}}"
        key = {f"{kind}Id": ends[kind]}
        call(f"GET /public/v1/{kind}s", query=f"?workspaceIds={made}")
        call(f"GET {one}", **key)
        call(f"PUT {one}", {"name": "q", "configuration": config}, **key)
        call(f"PATCH {one}", {"name": "r"}, **key)
    call("GET /public/v1/streams", query=f"?sourceId={ends['source']}")
    stream = {"name": "shaped", "syncMode": "full_refresh_overwrite"}
    connection = call(
        "POST /public/v1/connections",
        {
            "name": "p",
            "sourceId": ends["source"],
            "destinationId": ends["destination"],
            "namespaceDefinition": "custom_format",
            "namespaceFormat": "shapes_public",
            "configurations": {"streams": [stream]},
        },
    )["connectionId"]
    own = {"connectionId": connection}
    call("GET /public/v1/connections", query=f"?workspaceIds={made}")
    call("GET /public/v1/connections/{connectionId}", **own)
    tag = call("POST /public/v1/tags", {"workspaceId": made, "name": "t", "color": "123456"})
    call("GET /public/v1/tags", query=f"?workspaceIds={made}")
    call("GET /public/v1/tags/{tagId}", tagId=tag["tagId"])
    call("PATCH /public/v1/tags/{tagId}", {"name": "u", "color": "1"}, tagId=tag["tagId"])
    call("PATCH /public/v1/connections/{connectionId}", {"tags": [tag], "prefix": ""}, **own)
    job = call("POST /public/v1/jobs", {"jobType": "sync", "connectionId": connection})["jobId"]
    call("GET /public/v1/jobs/{jobId}", jobId=job)
    world.airbyte.wait(job)
    call("GET /public/v1/jobs", query=f"?connectionId={connection}")
    with world.airbyte.shop() as db, db.transaction():
        db.execute("LOCK TABLE shaped IN ACCESS EXCLUSIVE MODE")  # it cannot end before
        asked = {"jobType": "sync", "connectionId": connection}
        again = call("POST /public/v1/jobs", asked)["jobId"]
        call("DELETE /public/v1/jobs/{jobId}", jobId=again)
    call("GET /public/v1/workspaces")
    call("GET /public/v1/workspaces/{workspaceId}", workspaceId=made)
    call("GET /public/v1/organizations")
    call("GET /public/v1/users")
    call("DELETE /public/v1/tags/{tagId}", tagId=tag["tagId"])
    call("DELETE /public/v1/connections/{connectionId}", **own)
    call("DELETE /public/v1/sources/{sourceId}", sourceId=ends["source"])
    call("DELETE /public/v1/destinations/{destinationId}", destinationId=ends["destination"])
    call("DELETE /public/v1/workspaces/{workspaceId}", workspaceId=made)
    assert not problems, "\n".join(problems)
    assert left == set(), "served, and not called here"
