"""What is made of a manifest before airbyte-cdk runs it, and of what that says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.airbyte.definitions.local import commands
from services.airbyte.sources.protocol import commands as lines
from services.airbyte.sources.protocol.advice import advised
from services.airbyte.sources.protocol.install import Installed
from services.airbyte.sources.protocol.launch import CDK_VERSION, Launch, is_manifest
from tests.unit.airbyte.protocol.conftest import Run, record, stream

Go = Callable[..., Run]

TRANSFORMATION = {"type": "CustomTransformation", "class_name": "source_shop.components.Greeting"}
MANIFEST: dict[str, Any] = {"streams": [{"name": "a", "transformations": [TRANSFORMATION]}]}


def lakelet_yml(folder: Path, *, code: bool = False, **entry: Any) -> dict[str, Launch]:
    (folder / "shop").mkdir()
    if code:
        (folder / "shop" / "components.py").touch()
    (folder / "shop" / "manifest.yaml").write_text(yaml.safe_dump(MANIFEST))
    connectors = {"shop": {"manifest": "shop/manifest.yaml", **entry}}
    (folder / "lakelet.yml").write_text(yaml.safe_dump({"connectors": connectors}))
    return commands(folder / "lakelet.yml")


@pytest.mark.parametrize(
    ("document", "is_one"),
    [
        ({"type": "DeclarativeSource"}, True),
        ({"streams": []}, True),
        ({"dynamic_streams": []}, True),
        ({"type": "Other", "streams": []}, False),
        ({"version": "6.0.0"}, False),
    ],
)
def test_a_manifest_may_name_no_type(document: dict[str, Any], is_one: bool) -> None:
    assert is_manifest(document) is is_one


def test_classes_of_a_package_are_found_in_components_py(tmp_path: Path) -> None:
    launch = lakelet_yml(tmp_path, code=True)["shop"]
    assert launch.folder == str(tmp_path / "shop")
    assert launch.manifest is not None
    (named,) = launch.manifest["streams"][0]["transformations"]
    assert named["class_name"] == "source_declarative_manifest.components.Greeting"


@pytest.mark.parametrize("version", ["", "6.61.6"])
def test_a_manifest_names_the_release_that_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    asked: list[str] = []

    def ensure(root: Path, package: str, wanted: str, _log: object) -> Installed:
        asked.append(f"{package}=={wanted}")
        program = root / wanted / "bin" / "source-declarative-manifest"
        program.parent.mkdir(parents=True)
        program.touch()
        return Installed(root / wanted, wanted)

    monkeypatch.setattr(lines, "ensure", ensure)
    found = lakelet_yml(tmp_path, **({"version": version} if version else {}))
    assert list(found) == (["shop"] if version else []), "else it is sent over the API"
    launch = found.get("shop", Launch("manifest", manifest=MANIFEST))
    line = lines.command_line(launch, tmp_path, tmp_path, "check", print)
    assert asked == [f"airbyte-cdk=={version or CDK_VERSION}"]
    assert "--components-path" not in line


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("set the `AIRBYTE_ENABLE_UNSAFE_CODE` variable to 'true'.", "components.py into a folder"),
        ("No module named 'airbyte_cdk.sources.old'", "another release of airbyte-cdk"),
        ("cannot import name 'A' from 'airbyte_cdk.b'", "another release of airbyte-cdk"),
        ("No module named 'feedparser'", "runs as the package airbyte-source-"),
        ("Cannot find file ./source_x/schemas/a.json", "runs as the package airbyte-source-"),
        ("Could not load module `source_x.extractor`.", "the components.py in its folder alone"),
    ],
)
def test_what_helps_here_is_added_to_the_connectors_words(words: str, advice: str) -> None:
    assert advised(words).startswith(words.rstrip("."))
    assert advice in advised(words)
    assert advised("the key has expired") == "the key has expired"


def test_what_airbyte_cdk_puts_into_a_configuration_is_not_stored(run: Go) -> None:
    told = {"token": "new", "__injected_declarative_manifest": {"streams": []}}
    control = {"type": "CONNECTOR_CONFIG", "emitted_at": 1, "connectorConfig": {"config": told}}
    messages = [record("a", {"id": 1}), {"type": "CONTROL", "control": control}]
    assert run([stream("a", "full_refresh", "overwrite")], messages).configs == [{"token": "new"}]
