"""What `lakelet apply` would change in Airbyte and Dremio; nothing is changed here.

Airbyte shows secrets as asterisks: whether one changed cannot be told, and is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.differences import DIFFERS, EXTRA, MISSING, Difference
from bootstrap.platform_file import Connection, Platform
from bootstrap.provision.airbyte import connection_settings, stream_config
from bootstrap.provision.dremio import differing, source
from bootstrap.provision.streams import find_stream, qualified
from services.common.settings import Settings

_HIDDEN = "**********"


def plan_ingestion(airbyte: Airbyte, platform: Platform) -> Iterator[Difference]:
    """Yield each source and connection that is missing, differs, or that no file names."""
    sources = airbyte.all_of("sources")
    for name, wanted in platform.sources.items():
        if name not in sources:
            yield Difference("source", name, MISSING)
            continue
        shown = sources[name]["connectionConfiguration"]
        if fields := tuple(_differing(shown, wanted.configuration)):
            yield Difference("source", name, DIFFERS, fields)
    connections = airbyte.all_of("connections")
    for name, connection in platform.connections.items():
        if name not in connections:
            yield Difference("connection", name, MISSING)
        elif fields := tuple(_of_connection(connections[name], connection, sources)):
            yield Difference("connection", name, DIFFERS, fields)
    for part, found, named in (
        ("source", sources, platform.sources),
        ("connection", connections, platform.connections),
    ):
        yield from (Difference(part, name, EXTRA) for name in found if name not in named)


def plan_layers(dremio: Dremio, platform: Platform, settings: Settings) -> Iterator[Difference]:
    """Yield each layer whose source is missing or differs."""
    for name, root in platform.layers.items():
        present = dremio.by_path(name)
        if present is None:
            yield Difference("layer", name, MISSING)
        elif fields := differing(present, source(name, root, settings)):
            yield Difference("layer", name, DIFFERS, tuple(fields))


def _of_connection(
    present: dict[str, Any], connection: Connection, sources: dict[str, dict[str, Any]]
) -> Iterator[str]:
    names = {source["sourceId"]: name for name, source in sources.items()}
    if (source := names.get(present["sourceId"])) != connection.source:
        yield f"source: {source!r} → {connection.source!r}"
    wanted = {k: v for k, v in connection_settings(connection).items() if v not in (None, "")}
    yield from _differing(present, wanted)
    for name in ("prefix", "continuous"):
        if present.get(name) and name not in wanted:
            yield f"{name}: {present[name]!r} → not set"
    there = [
        item for item in present["syncCatalog"]["streams"] if item["config"].get("selected", True)
    ]
    named = []
    for name, stream in connection.streams.items():
        found = find_stream(there, name)
        if found is None:
            yield f"streams.{name}: {MISSING}"
        else:
            named.append(found)
            shown = _shown(found["config"])
            yield from _differing(shown, stream_config(stream), f"streams.{name}.")
    yield from (f"streams.{qualified(one)}: {EXTRA}" for one in there if one not in named)


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's configuration with its mappers as a file has them: without ids."""
    mappers = [
        {name: value for name, value in mapper.items() if name != "id"}
        for mapper in config.get("mappers") or []
    ]
    return {**config, "mappers": mappers}


def _differing(shown: dict[str, Any], wanted: dict[str, Any], within: str = "") -> Iterator[str]:
    """Yield `path: shown → wanted` for each value that differs."""
    for name, value in wanted.items():
        there = shown.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            yield from _differing(there, value, f"{within}{name}.")
        elif there not in (value, _HIDDEN):
            # A value that is hidden where it stands, or that was never shown, is not printed.
            yield (
                f"{within}{name}: {there!r} → {value!r}"
                if there is not None
                else (f"{within}{name}: not set")
            )
