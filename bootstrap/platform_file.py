"""`lakelet.yml`: the platform as code, read and checked."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from services.common import json_yaml
from services.common.errors import ConfigError
from services.common.settings import CHECKOUT, Settings

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SOURCE_NAMESPACE = "SOURCE_NAMESPACE"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Connector(_Strict):
    """A connector that does not come with the platform; exactly one of the first three.

    `package`: an Airbyte connector of PyPI (`airbyte-source-…`), at `version`, else the newest;
    `manifest`: a low-code connector's file, run by airbyte-cdk at `version`, else the one tried;
    `command`: a program that speaks Airbyte's protocol.
    """

    package: str | None = None
    manifest: str | None = None
    command: tuple[str, ...] | None = None
    version: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Connector:
        if sum(bool(kind) for kind in (self.package, self.manifest, self.command)) != 1:
            raise ValueError("set one of package, manifest and command")
        return self


class Source(_Strict):
    """A source: its type and the configuration that Airbyte's connector of that type takes."""

    type: str
    configuration: dict[str, Any]


class Mapper(_Strict):
    """What is done to rows before they land: one of Airbyte's mappers, as its API takes it."""

    type: Literal["hashing", "field-renaming", "field-filtering", "row-filtering"]
    mapperConfiguration: dict[str, Any]


class Stream(_Strict):
    """How one stream is read and written (Airbyte's sync mode and destination sync mode).

    `mappers` act one after the other on its rows.
    """

    mode: Literal["full_refresh", "incremental"]
    write: Literal["overwrite", "append", "append_dedup"]
    cursor: str | None = None
    key: tuple[str, ...] = ()
    mappers: tuple[Mapper, ...] = ()


class Continuous(_Strict):
    """How a continuous connection brings changes: every so many seconds or rows.

    Snapshots of its tables older than `history` seconds are removed.
    """

    every: float = 0.5
    rows: int = 100_000
    history: float = 600.0


class Connection(_Strict):
    """A connection from a source to bronze.

    `namespace`: where its tables are in bronze, `${SOURCE_NAMESPACE}` in it is each stream's own
    (a database's schema); `prefix` stands before their names.
    `schedule` is `manual`, a Quartz cron expression (in `time_zone`), or `continuous`: changes of a
    source that is read through its log (CDC) are brought all the time, in the steps that
    `continuous` tells.
    `schema_changes`: what happens when the source has other columns than those that were chosen;
    `backfill`: incremental streams that get new columns so are read again, for their old rows.
    """

    source: str
    namespace: str
    prefix: str = ""
    schedule: str = "manual"
    time_zone: str = "UTC"
    schema_changes: Literal["ignore", "propagate_columns", "propagate_fully", "disable"] = "ignore"
    backfill: bool = False
    continuous: Continuous | None = None
    streams: dict[str, Stream]

    @model_validator(mode="after")
    def _steps(self) -> Connection:
        if self.continuous is not None and self.schedule != "continuous":
            raise ValueError("continuous is for a connection with schedule: continuous")
        return self


class SourceHop(_Strict):
    """Where the truth is: a table of a database source, or the file of a file source."""

    of: str
    table: str | None = None


class Reconciliation(_Strict):
    """What must agree along the way: rows, and the sum of the column `money` to the cent."""

    source: SourceHop
    money: str | None = None
    hops: dict[str, str]


class Dbt(_Strict):
    """The order in which dbt's layers (tags) are built and tested."""

    layers: tuple[str, ...]


class Platform(_Strict):
    """The whole file."""

    version: Literal[1]
    samples: tuple[Literal["shop", "nycflights"], ...] = ()
    connectors: dict[str, Connector] = Field(default_factory=dict)
    sources: dict[str, Source] = Field(default_factory=dict)
    connections: dict[str, Connection] = Field(default_factory=dict)
    layers: dict[str, str]
    dbt: Dbt
    reconcile: dict[str, Reconciliation] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _references(self) -> Platform:
        for name, connection in self.connections.items():
            if connection.source not in self.sources:
                raise ValueError(
                    f"connection {name!r} names an unknown source {connection.source!r}"
                )
        for name, check in self.reconcile.items():
            if check.source.of not in self.sources:
                raise ValueError(f"reconcile {name!r} names an unknown source {check.source.of!r}")
        return self


def read_platform(settings: Settings) -> Platform:
    """Read `lakelet.yml` from the home folder, or the checkout's where the home has none.

    Raises ConfigError naming the file and each place in it that is wrong.
    """
    path = platform_path(settings)
    try:
        document = json_yaml.load(path.read_text())
        return Platform.model_validate(_filled(document, settings, path))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: " + "; ".join(map(_told, error.errors()))) from error


def _told(problem: ErrorDetails) -> str:
    """Return one mistake with its place, and the name that was probably meant."""
    place = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] != "extra_forbidden":
        return f"{place}: {problem['msg']}"
    names = {name for model in _Strict.__subclasses__() for name in model.model_fields}
    near = difflib.get_close_matches(str(problem["loc"][-1]), sorted(names), n=1)
    return f"{place}: there is no such setting" + (f"; did you mean {near[0]}?" if near else "")


def platform_path(settings: Settings) -> Path:
    """Return the path of the `lakelet.yml` in use."""
    own = settings.lakelet_home / "lakelet.yml"
    return own if own.exists() else CHECKOUT / "lakelet.yml"


def _filled(node: Any, settings: Settings, path: Path) -> Any:
    """Return `node` with each `${NAME}` replaced; a value that is only that keeps its type."""
    if isinstance(node, dict):
        return {key: _filled(value, settings, path) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, settings, path) for value in node]
    if not isinstance(node, str):
        return node
    whole = _VARIABLE.fullmatch(node)
    if whole:
        return _value(whole[1], settings, path)
    return _VARIABLE.sub(lambda match: str(_value(match[1], settings, path)), node)


def _value(name: str, settings: Settings, path: Path) -> Any:
    if name == _SOURCE_NAMESPACE:  # Airbyte's own: it differs from stream to stream
        return f"${{{name}}}"
    value = getattr(settings, name.lower(), None)
    if value is None:
        value = settings.extra_values().get(name)
    if value is None:
        raise ConfigError(
            f"{path} uses ${{{name}}}: looked in the environment and in {settings.env_file}; "
            "set it in either"
        )
    return value.get_secret_value() if isinstance(value, SecretStr) else value
