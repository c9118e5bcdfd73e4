"""Facts of an Airbyte release's OpenAPI document for what the bootstrap calls, as data.

`python -m tests.support.airbyte_requests config.yaml FILE` records requests and answers (from
`config.yaml` of airbytehq/airbyte-platform at the release's tag).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from tests.support.airbyte_shapes import Json, Recorder

CALLED = (
    "workspaces/list",
    "source_definition_specifications/get",
    "sources/list",
    "sources/create",
    "sources/update",
    "sources/check_connection",
    "sources/discover_schema",
    "destination_definitions/list",
    "destination_definitions/create_custom",
    "destinations/list",
    "destinations/create",
    "destinations/update",
    "destinations/check_connection",
    "connections/list",
    "connections/create",
    "connections/update",
    "connections/sync",
    "connections/refresh",
    "connections/clear",
    "connections/clear/stream",
    "jobs/get",
    "jobs/list",
    "jobs/cancel",
    "state/get",
    "state/create_or_update",
)


def record(document: Json) -> Json:
    """Return each operation's request and answer, and the schemas they use."""
    recorder, operations = Recorder(document), {}
    for name in CALLED:
        operation = document["paths"][f"/v1/{name}"]["post"]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        answer = recorder.answer(operation["responses"])
        asked = {"shape": recorder.shape(body["schema"])} if body else {}
        operations |= {f"POST {name}": answer, f"ASK {name}": asked}
    return {"operations": operations, "schemas": recorder.recorded}


if __name__ == "__main__":
    facts = record(yaml.safe_load(Path(sys.argv[1]).read_text()))
    parts = (
        f' "{part}": {{\n'
        + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in facts[part].items())
        + "\n }"
        for part in facts
    )
    Path(sys.argv[2]).write_text("{\n" + ",\n".join(parts) + "\n}\n")
