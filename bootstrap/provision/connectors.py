"""Connectors that do not come with the platform: packages, manifests, commands.

Facts: custom definitions are made by `source_definitions/create_custom`, low-code ones by
`connector_builder_projects/publish`, which take a new manifest by
`declarative_source_definitions/create_manifest`. Commands, and manifests with a components.py or
a version of airbyte-cdk, are not sent: the sync server reads them from lakelet.yml itself, since
whoever could send one would run what he likes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bootstrap.clients.airbyte import Airbyte
from bootstrap.platform_file import Connector, Platform, platform_path
from services.common import json_yaml
from services.common.errors import ConfigError, NotFoundError, TransientError
from services.common.settings import Settings
from services.common.waiting import wait_until

_COMMAND_SECONDS = 60.0


def ensure_connectors(
    airbyte: Airbyte,
    platform: Platform,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Make or correct the connectors of lakelet.yml; return their definitions' ids by name.

    `tell` is given what is installed, which takes a while.
    """
    folder = platform_path(settings).parent
    return {
        name: _ensure(airbyte, name, connector, folder, tell)
        for name, connector in platform.connectors.items()
    }


def _ensure(
    airbyte: Airbyte, name: str, connector: Connector, folder: Path, tell: Callable[[str], None]
) -> str:
    if connector.manifest and (connector.version or _has_code(connector, folder)):
        _require_spec(_read(folder / connector.manifest, name), folder / connector.manifest, name)
        return _command(airbyte, name, connector)
    if connector.command:
        return _command(airbyte, name, connector)
    present = _present(airbyte, name)
    if connector.manifest:
        if present is None:
            tell(f"    connector {name!r}: a new manifest (the first one installs airbyte-cdk) ...")
        return _manifest(airbyte, name, _read(folder / connector.manifest, name), present)
    repository = "airbyte/" + str(connector.package).removeprefix("airbyte-")
    tag = connector.version or "latest"
    if present is None or present["dockerImageTag"] != tag:
        version = f" {connector.version}" if connector.version else ""
        tell(f"    connector {name!r}: installing {connector.package}{version} ...")
    if present is None:
        wanted = {
            "name": name,
            "dockerRepository": repository,
            "dockerImageTag": tag,
            "documentationUrl": "",
        }
        body = {"workspaceId": airbyte.workspace, "sourceDefinition": wanted}
        made = airbyte.post("source_definitions/create_custom", body)
        return str(made["sourceDefinitionId"])
    identity = str(present["sourceDefinitionId"])
    if present["dockerRepository"] != repository:
        raise ConfigError(
            f"connector {name!r} was {present['dockerRepository']}: give the new one another name"
        )
    if present["dockerImageTag"] != tag:
        body = {"sourceDefinitionId": identity, "dockerImageTag": tag}
        airbyte.post("source_definitions/update", body)
    return identity


def _has_code(connector: Connector, folder: Path) -> bool:
    """Whether a manifest has Python beside it: then the server reads both from where they are."""
    manifest = connector.manifest
    return bool(manifest) and (folder / str(manifest)).with_name("components.py").is_file()


def _present(airbyte: Airbyte, name: str) -> dict[str, Any] | None:
    found = airbyte.post("source_definitions/list", {})["sourceDefinitions"]
    return next((one for one in found if one["custom"] and one["name"] == name), None)


def _manifest(
    airbyte: Airbyte, name: str, manifest: dict[str, Any], present: dict[str, Any] | None
) -> str:
    described = {"manifest": manifest, "spec": {}, "description": "", "version": 1}
    if present is None:
        body = {
            "workspaceId": airbyte.workspace,
            "name": name,
            "initialDeclarativeManifest": described,
        }
        made = airbyte.post("connector_builder_projects/publish", body)
        return str(made["sourceDefinitionId"])
    identity = str(present["sourceDefinitionId"])
    change: dict[str, Any] = {
        "workspaceId": airbyte.workspace,
        "sourceDefinitionId": identity,
        "setAsActiveManifest": True,
        "declarativeManifest": described,
    }
    airbyte.post("declarative_source_definitions/create_manifest", change)
    return identity


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        manifest = json_yaml.load(path.read_text())
    except OSError as error:
        raise ConfigError(f"connector {name!r}: {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"connector {name!r}: {path} is not YAML: {error}") from error
    if not isinstance(manifest, dict):
        raise ConfigError(f"connector {name!r}: {path} is not a manifest")
    return manifest


def _require_spec(manifest: dict[str, Any], path: Path, name: str) -> None:
    """The server reads this one itself: what it would write into its log is told here."""
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("connection_specification"), dict):
        raise ConfigError(
            f"connector {name!r}: {path} has no spec with a connection_specification: add one"
        )


def _command(airbyte: Airbyte, name: str, connector: Connector) -> str:
    """Wait until the server has read the command from lakelet.yml."""
    try:
        wait_until(
            lambda: _present(airbyte, name) is not None,
            seconds=_COMMAND_SECONDS,
            what=f"connector {name}",
        )
    except TransientError as error:
        what = " ".join(connector.command or [str(connector.manifest)])
        raise NotFoundError(
            f"connector {name!r} ({what}): the sync server could not"
            " start it, see its log (.lakelet/logs); an Airbyte that is not this platform's own"
            " cannot run commands"
        ) from error
    found = _present(airbyte, name)
    return str(found["sourceDefinitionId"]) if found else ""
