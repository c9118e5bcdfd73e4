"""Users' own definitions answer in the shapes of Airbyte's OpenAPI document, in both APIs."""

from __future__ import annotations

from typing import Any

import yaml

from services.common.settings import CHECKOUT
from tests.contract.airbyte.client import Airbyte
from tests.contract.airbyte.test_connectors import FAKER
from tests.contract.airbyte.test_shapes import OF_DEFINITIONS, SHAPES

Json = dict[str, Any]
MANIFEST = CHECKOUT / "tests" / "support" / "connectors" / "orders.yaml"


def test_definitions_in_both_apis(airbyte: Airbyte, index: None) -> None:
    left, problems = set(OF_DEFINITIONS), []
    manifest = yaml.safe_load(MANIFEST.read_text())

    def call(operation: str, body: Json | None = None, **ids: str) -> Json:
        method, _, path = operation.partition(" ")
        fact = SHAPES.operations[operation]
        url = f"{airbyte.settings.airbyte_url}/api{path}"
        answer = airbyte.http.request(method, url.format(**ids), json=body)
        assert answer.status_code == fact["status"], f"{operation}: {answer.text[:500]}"
        left.discard(operation)
        content: Json = answer.json() if answer.content else {}
        problems.extend(f"{operation}: {one}" for one in SHAPES.problems(operation, content))
        return content

    space = {"workspaceId": airbyte.workspace}
    image = {"dockerRepository": "airbyte/source-faker", "dockerImageTag": FAKER}
    wanted = {"name": "shaped", **image, "documentationUrl": "https://example.com"}
    made = call("POST /v1/source_definitions/create_custom", {**space, "sourceDefinition": wanted})
    key = {"sourceDefinitionId": made["sourceDefinitionId"]}
    call("POST /v1/source_definitions/update", {**key, "name": "again", "dockerImageTag": FAKER})
    call("POST /v1/source_definitions/delete", key)

    first = {"manifest": manifest, "spec": {}, "description": "first", "version": 1}
    body = {
        **space,
        "name": "orders",
        "builderProjectId": airbyte.workspace,
        "initialDeclarativeManifest": first,
    }
    key = call("POST /v1/connector_builder_projects/publish", body)
    call(
        "POST /v1/declarative_source_definitions/create_manifest",
        {**space, **key, "setAsActiveManifest": True, "declarativeManifest": first},
    )
    call("POST /v1/declarative_source_definitions/list_manifests", {**space, **key})
    airbyte.post("source_definitions/delete", **key)

    base = "/public/v1/workspaces/{workspaceId}/definitions"
    body = {"name": "public", **image}
    made = call(f"POST {base}/sources", body, **space)
    one = {**space, "definitionId": made["id"]}
    call(f"PUT {base}/sources/{{definitionId}}", body, **one)
    call(f"DELETE {base}/sources/{{definitionId}}", **one)
    made = call(f"POST {base}/declarative_sources", {"name": "o", "manifest": manifest}, **space)
    one = {**space, "definitionId": made["id"]}
    call(f"GET {base}/declarative_sources", **space)
    call(f"GET {base}/declarative_sources/{{definitionId}}", **one)
    call(f"PUT {base}/declarative_sources/{{definitionId}}", {"manifest": manifest}, **one)
    call(f"DELETE {base}/declarative_sources/{{definitionId}}", **one)
    assert not problems, "\n".join(problems)
    assert left == set(), "served, and not called here"
