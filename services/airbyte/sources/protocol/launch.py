"""What runs a protocol connector: a package, a manifest or a command of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from services.common.errors import ConfigError

Json = dict[str, Any]

# The newest release that was tried.
CDK_VERSION = "7.39.1"
# Python classes that a manifest names, in its own folder.
COMPONENTS = "components.py"
_REPOSITORY = re.compile(r"^(?:docker\.io/)?airbyte/(source-[a-z0-9]+(?:-[a-z0-9]+)*)$")
_PACKAGE = re.compile(r"^airbyte-source-[a-z0-9]+(?:-[a-z0-9]+)*$")
_VERSION = re.compile(r"^[0-9][0-9A-Za-z.+!-]{0,40}$")


@dataclass(frozen=True)
class Launch:
    """How a connector is started.

    package: `package` (`airbyte-source-…` of PyPI) at `version`, "" for the newest;
    manifest: `manifest`, run by `airbyte-cdk` at `version` ("" for CDK_VERSION), with the
    components.py of `folder` if that is set; command: `command`, in `folder`.
    """

    kind: Literal["package", "manifest", "command"]
    package: str = ""
    version: str = ""
    manifest: Json | None = None
    command: tuple[str, ...] = ()
    folder: str = ""

    def dump(self) -> str:
        """Return the text that a definition keeps as its `connector`."""
        fields = {k: v for k, v in vars(self).items() if v}
        return orjson.dumps(fields).decode()

    @property
    def label(self) -> str:
        """A few words for logs and errors."""
        if self.kind == "package":
            return f"{self.package} {self.version}".strip()
        return " ".join(self.command) if self.kind == "command" else "the manifest"


def is_manifest(document: Json) -> bool:
    """Whether it is a low-code connector's; a third of those on PyPI name no type, as they may."""
    if "type" in document:
        return bool(document["type"] == "DeclarativeSource")
    return "streams" in document or "dynamic_streams" in document


def is_launch(connector: str) -> bool:
    """Whether a definition's `connector` is one of these rather than a built-in's name."""
    return connector.startswith("{")


def parse(connector: str) -> Launch:
    """Read what `Launch.dump` wrote."""
    fields = orjson.loads(connector)
    fields["command"] = tuple(fields.get("command", ()))
    return Launch(**fields)


def package(name: str, version: str = "") -> Launch:
    """Return the launch of a package. Raises ConfigError for what is not a source's package."""
    if not _PACKAGE.match(name):
        raise ConfigError(
            f"{name!r} is not the name of a source's package: set one like airbyte-source-faker"
        )
    if version and not _VERSION.match(version):
        raise ConfigError(f"{version!r} is not a version: set one like 7.2.1, or none")
    return Launch("package", package=name, version=version)


def of_image(repository: str, tag: str) -> Launch:
    """Return the launch for an image of Airbyte's: `airbyte/source-x` is `airbyte-source-x`.

    Raises ConfigError for images of others: there is no Docker to run them.
    """
    found = _REPOSITORY.match(repository.strip())
    if not found:
        raise ConfigError(
            f"{repository!r} cannot be run: of images only airbyte/source-… are known here, as the"
            " package airbyte-source-… of PyPI; for another connector give its manifest, or"
            " name its command in lakelet.yml"
        )
    if found[1] == "source-declarative-manifest":
        raise ConfigError("airbyte/source-declarative-manifest needs a manifest: create it by one")
    return package(f"airbyte-{found[1]}", "" if tag in ("", "latest") else tag)
