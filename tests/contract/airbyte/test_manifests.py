"""Low-code connectors against a web API that behaves as web APIs do."""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airbyte_api
import pytest
import yaml
from airbyte_api import api as calls
from airbyte_api import models

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.platform_file import Platform
from bootstrap.provision.connectors import ensure_connectors
from services.common.settings import CHECKOUT
from services.common.waiting import wait_until
from tests.contract.airbyte.client import Airbyte, rows
from tests.support.connectors import tracker
from tests.support.connectors.api import Api, serving

CONNECTORS = CHECKOUT / "tests/support/connectors"
MANIFEST = yaml.safe_load((CONNECTORS / "orders.yaml").read_text())
TRACKER = yaml.safe_load((CONNECTORS / "tracker.yaml").read_text())
NEW = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}


@pytest.fixture(scope="module")
def definition(airbyte: Airbyte, index: None) -> str:
    made = airbyte.post(
        "connector_builder_projects/publish",
        workspaceId=airbyte.workspace,
        name="Orders",
        initialDeclarativeManifest={"manifest": MANIFEST, "spec": {}, "version": 1},
    )
    return str(made["sourceDefinitionId"])


@pytest.fixture
def web() -> Iterator[Api]:
    with serving() as server:
        yield server


def source(airbyte: Airbyte, definition: str, web: Api, name: str) -> str:
    return airbyte.source({"base_url": web.address, "token": web.token}, definition, name)


def test_pages_throttling_failures_and_increments(
    airbyte: Airbyte, definition: str, web: Api
) -> None:
    web.fill(250)
    web.people = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]
    made = source(airbyte, definition, web, "orders")
    assert web.token not in str(airbyte.post("sources/get", sourceId=made))
    connection = airbyte.connect(made, "web", {"orders": NEW, "people": FULL})
    web.asked.clear()
    web.answers = [(429, {"Retry-After": "1"}), (500, {}), (503, {})]
    airbyte.sync(connection)
    query = "SELECT count(*), count(DISTINCT id), sum(amount) FROM bronze.web.orders"
    assert rows(airbyte.settings, query) == [(250, 250, 7843.75)]
    people = rows(airbyte.settings, "SELECT id, name FROM bronze.web.people ORDER BY id")
    assert people == [(1, "Ada"), (2, "Grace")]
    assert any("page=3" in path for path in web.asked)
    # Only what is new is asked for, and a changed row takes the place of the old one.
    web.fill(5, start=248, day=9)
    web.asked.clear()
    airbyte.sync(connection)
    found = rows(airbyte.settings, "SELECT count(*), max(id) FROM bronze.web.orders")
    assert found == [(252, 252)]
    assert any("since=2024-02-01" in path for path in web.asked if "/orders" in path)


def test_a_broken_record_is_nulled_and_noted(airbyte: Airbyte, definition: str, web: Api) -> None:
    web.fill(2)
    web.orders[1]["amount"] = "a lot"
    made = source(airbyte, definition, web, "broken")
    airbyte.sync(airbyte.connect(made, "broken_web", {"orders": APPEND}))
    found = rows(
        airbyte.settings,
        "SELECT id, amount, _airbyte_meta.changes FROM bronze.broken_web.orders ORDER BY id",
    )
    noted = {"field": "amount", "change": "NULLED", "reason": "DESTINATION_SERIALIZATION_ERROR"}
    assert found == [(1, 0.25, []), (2, None, [noted])]


def test_a_refused_token_is_told_at_once(airbyte: Airbyte, definition: str, web: Api) -> None:
    made = airbyte.source({"base_url": web.address, "token": "wrong"}, definition, "refused")
    answer = airbyte.post("sources/check_connection", sourceId=made)
    assert answer["status"] == "failed"
    assert "401" in answer["message"]
    assert len(web.asked) == 1, "asking again cannot help"


def test_the_sdk_makes_and_changes_a_manifest(
    airbyte: Airbyte, sdk: airbyte_api.AirbyteAPI
) -> None:
    made = sdk.declarative_source_definitions.create_declarative_source_definition(
        request=calls.CreateDeclarativeSourceDefinitionRequest(
            workspace_id=airbyte.workspace,
            create_declarative_source_definition_request=(
                models.CreateDeclarativeSourceDefinitionRequest(name="sdk", manifest=MANIFEST)
            ),
        )
    ).declarative_source_definition_response
    assert made.version == 1
    assert made.manifest["streams"][0]["name"] == "orders"
    changed = sdk.declarative_source_definitions.update_declarative_source_definition(
        request=calls.UpdateDeclarativeSourceDefinitionRequest(
            workspace_id=airbyte.workspace,
            definition_id=made.id,
            update_declarative_source_definition_request=(
                models.UpdateDeclarativeSourceDefinitionRequest(manifest=MANIFEST)
            ),
        )
    ).declarative_source_definition_response
    assert changed.version == 2


def test_what_is_no_manifest_is_refused(airbyte: Airbyte) -> None:
    for manifest in ({"type": "Other"}, "just text", {"type": "DeclarativeSource"}):
        answer = airbyte.raw(
            "connector_builder_projects/publish",
            workspaceId=airbyte.workspace,
            name="x",
            initialDeclarativeManifest={"manifest": manifest},
        )
        assert answer.status_code == 422, answer.text


def test_code_in_a_manifest_is_not_run(airbyte: Airbyte, definition: str, web: Api) -> None:
    custom = {"type": "CustomRequester", "class_name": "subprocess.Popen", "args": "true"}
    stream = {**MANIFEST["streams"][0]}
    stream["retriever"] = {**stream["retriever"], "requester": custom}
    made = airbyte.post(
        "connector_builder_projects/publish",
        workspaceId=airbyte.workspace,
        name="code",
        initialDeclarativeManifest={"manifest": {**MANIFEST, "streams": [stream]}},
    )
    bad = source(airbyte, str(made["sourceDefinitionId"]), web, "code")
    answer = airbyte.post("sources/check_connection", sourceId=bad)
    assert answer["status"] == "failed"
    assert "name the manifest there under connectors" in answer["message"]


def test_the_ten_lines_of_the_documentation_work(
    airbyte: Airbyte, index: None, served: tuple[str, Path]
) -> None:
    address, folder = served
    (folder / "posts").write_text('[{"id": 1, "title": "one"}, {"id": 2, "title": "two"}]')
    page = (CHECKOUT / "docs" / "ingestion" / "add-an-api.md").read_text()
    text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    assert len(text.splitlines()) <= 10
    made = airbyte.post(
        "connector_builder_projects/publish",
        workspaceId=airbyte.workspace,
        name="posts",
        initialDeclarativeManifest={"manifest": text},
    )
    blog = airbyte.source({"url": address}, str(made["sourceDefinitionId"]), "blog")
    airbyte.sync(airbyte.connect(blog, "blog", {"posts": FULL}))
    found = rows(airbyte.settings, "SELECT id, title FROM bronze.blog.posts ORDER BY id")
    assert found == [(1, "one"), (2, "two")]


@pytest.mark.usefixtures("index")
def test_every_part_of_a_manifest_is_read(airbyte: Airbyte) -> None:
    made = airbyte.post(
        "connector_builder_projects/publish",
        workspaceId=airbyte.workspace,
        name="Tracker",
        initialDeclarativeManifest={"manifest": TRACKER, "spec": {}, "version": 1},
    )

    def read(stream: str, columns: str) -> list[tuple[Any, ...]]:
        query = f'SELECT {columns} FROM bronze.tracker."{stream}" ORDER BY 1'
        return rows(airbyte.settings, query)

    with tracker.serving() as api:
        api.projects = [{"id": n, "updated_at": f"2024-02-0{n}"} for n in (1, 2, 3)]
        api.tasks = {
            n: [{"id": 10 * n + k, "updated_at": f"2024-02-0{n}"} for k in (1, 2)]
            for n in (1, 2, 3)
        }
        api.contacts = [{"id": "c1", "name": "Ada", "mail": "ada@x", "city": "London"}]
        api.report = [[{"id": 1, "total": 1.5}], [{"id": 2, "total": 2.5}]]
        api.tables = {"red": [{"id": 1, "word": "rose"}], "blue": [{"id": 2, "word": "sky"}]}
        source = airbyte.source(
            {"base_url": api.address}, str(made["sourceDefinitionId"]), "tracker"
        )
        whole = dict.fromkeys(("contacts", "report", "red", "blue"), FULL)
        airbyte.sync(airbyte.connect(source, "tracker", whole))
        connection = airbyte.connect(source, "tracker", {"projects": NEW, "tasks": NEW})
        airbyte.sync(connection)
        assert read("tasks", "id, project") == [(10 * n + k, n) for n in (1, 2, 3) for k in (1, 2)]
        assert read("contacts", "id, name, mail, city") == [("c1", "Ada", "ada@x", "London")]
        assert read("report", "id, total") == [(1, 1.5), (2, 2.5)]
        assert read("red", "id, word") == [(1, "rose")]
        assert read("blue", "id, word") == [(2, "sky")]

        api.projects[1]["updated_at"] = "2024-03-01"
        api.tasks[2].append({"id": 23, "updated_at": "2024-03-01"})
        api.asked.clear()
        airbyte.sync(connection)
        assert len(read("tasks", "id")) == 7
        # Once or twice, as a stream and as the tasks' parent: airbyte-cdk keeps a parent's answers.
        asked = {path for path in api.asked if path.startswith("/projects?")}
        assert asked == {"/projects?since=2024-02-03"}
        assert not any("/projects/1/" in path for path in api.asked), "nothing is new there"


COMPONENTS = """
from dataclasses import dataclass
from airbyte_cdk.sources.declarative.transformations import RecordTransformation

@dataclass
class Greeting(RecordTransformation):
    word: str

    def transform(self, record, config=None, stream_state=None, stream_slice=None):
        record["name"] = f"{self.word} {record['name']}"
"""


def test_a_manifest_with_python_beside_it(airbyte: Airbyte, index: None, web: Api) -> None:
    """As many of Airbyte's own have it: manifest.yaml and components.py in one folder."""
    web.people = [{"id": 1, "name": "Ada"}]
    home = airbyte.home.folder
    manifest = copy.deepcopy(MANIFEST)
    (people,) = (s for s in manifest["streams"] if s["name"] == "people")
    greeting = {
        "type": "CustomTransformation",
        "class_name": "source_greeting.components.Greeting",
        "word": "Dear",
    }
    people["transformations"] = [greeting]
    del manifest["type"]  # as many have it
    people["schema_loader"]["schema"]["properties"][False] = {"type": "string"}  # no, unquoted
    (home / "connectors" / "greeting").mkdir(parents=True)
    (home / "connectors" / "greeting" / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    (home / "connectors" / "greeting" / "components.py").write_text(COMPONENTS)
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    document["connectors"] = {"greeting": {"manifest": "connectors/greeting/manifest.yaml"}}
    (home / "lakelet.yml").write_text(yaml.safe_dump(document))
    platform = Platform.model_validate({**document, "connections": {}, "reconcile": {}})
    made = ensure_connectors(Client(airbyte.settings), platform, airbyte.settings)["greeting"]
    code = f"open({str(home / 'ran')!r}, 'w')"
    config = {
        "base_url": web.address,
        "token": web.token,
        "__injected_components_py": code,
        "__injected_components_py_checksums": {"sha256": hashlib.sha256(code.encode()).hexdigest()},
    }
    connection = airbyte.connect(airbyte.source(config, made, "dear"), "dear", {"people": FULL})
    airbyte.sync(connection)
    assert not (home / "ran").exists(), "code of a source's configuration"
    query = "SELECT id, name FROM bronze.dear.people"
    assert rows(airbyte.settings, query) == [(1, "Dear Ada")]
    greeting["word"] = "Hello"
    (home / "connectors" / "greeting" / "manifest.yaml").write_text(yaml.safe_dump(manifest))

    def taken() -> bool:
        with airbyte.own_database() as db:
            stored = db.execute("SELECT connector FROM custom_definitions WHERE id = %s", (made,))
            return "Hello" in str(stored.fetchone())

    wait_until(taken, seconds=60, what="the server to read the manifest again")
    airbyte.sync(connection)
    assert rows(airbyte.settings, query) == [(1, "Hello Ada")]
    answer = airbyte.raw(
        "declarative_source_definitions/create_manifest",
        workspaceId=airbyte.workspace,
        sourceDefinitionId=made,
        setAsActiveManifest=True,
        declarativeManifest={"manifest": MANIFEST, "spec": {}, "description": "", "version": 2},
    )
    assert answer.status_code == 409
    assert "lakelet.yml" in answer.json()["message"]
