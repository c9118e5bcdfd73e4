"""Airbyte's sources, destination and connections.

Facts: definition ids as in Airbyte's connector registry; configuration fields as in each
connector's specification (destination-s3-data-lake: an Iceberg REST catalog).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bootstrap.clients.airbyte import Airbyte
from bootstrap.platform_file import Connection, Continuous, Platform, Stream
from bootstrap.provision.connectors import ensure_connectors
from bootstrap.provision.streams import need_stream
from services.common.errors import (
    ConfigError,
    LakeletError,
    NotFoundError,
    PermanentError,
    raise_together,
)
from services.common.settings import Settings

SOURCE_DEFINITIONS = {
    "postgres": "decd338e-5647-4c0b-adf4-da0e75f5a750",
    "mysql": "435bb9a5-7887-4809-aa58-28c27df0d7ad",
    "mssql": "b5ea17b1-f170-46dc-bc31-cc744ca984c1",
    "mongodb-v2": "b2e713cd-cc36-4c0a-b5bd-b47cb8a0561e",
    "file": "778daa7c-feaf-4db6-96f3-70fd645acc77",
}
DATA_LAKE_DEFINITION = "716ca874-520b-4902-9f80-9fad66754b89"
# For an Airbyte whose bundled registry is older than the destination (0.63.19, the last with
# Compose files): it takes the image as a custom definition, with an id of its own.
DATA_LAKE_IMAGE = ("airbyte/destination-s3-data-lake", "0.3.38")
DESTINATION = "bronze"


def ensure_ingestion(
    airbyte: Airbyte,
    platform: Platform,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Make or correct the sources, the bronze destination and the connections.

    Returns the names of the connections. What is wrong with one source or connection does not keep
    the others from being set up: all is told at the end. Raises PermanentError with the connector's
    words when a source cannot be reached, NotFoundError when it has no such stream. `tell` is
    given what takes long.
    """
    definitions = SOURCE_DEFINITIONS | ensure_connectors(airbyte, platform, settings, tell)
    destination = _ensure_actor(
        airbyte, "destination", DESTINATION, data_lake(airbyte), _destination_config(settings)
    )
    _check(airbyte, "destination", DESTINATION, destination)
    failures: list[LakeletError] = []
    sources: dict[str, str] = {}
    for name, source in platform.sources.items():
        with _noting(failures, f"source {name!r}"):
            kind = _definition(source.type, definitions)
            _check_fields(airbyte, kind, source.configuration)
            made = _ensure_actor(airbyte, "source", name, kind, source.configuration)
            _check(airbyte, "source", name, made)
            sources[name] = made
    for name, connection in platform.connections.items():
        if connection.source in sources:
            with _noting(failures, f"connection {name!r}"):
                _ensure_connection(
                    airbyte, name, connection, sources[connection.source], destination
                )
    raise_together(failures)
    return list(platform.connections)


@contextmanager
def _noting(failures: list[LakeletError], what: str) -> Iterator[None]:
    """Note an error of one source or connection, with whose it is, and go on."""
    try:
        yield
    except PermanentError as error:
        told = str(error)
        failures.append(error if told.startswith(what) else type(error)(f"{what}: {told}"))


def data_lake(airbyte: Airbyte) -> str:
    """Return the id of the S3 Data Lake destination's definition, making one where none is."""
    repository, tag = DATA_LAKE_IMAGE
    listed = airbyte.post("destination_definitions/list", {})["destinationDefinitions"]
    for found in listed:
        if found["destinationDefinitionId"] == DATA_LAKE_DEFINITION:
            return DATA_LAKE_DEFINITION
    for found in listed:
        if found["dockerRepository"] == repository:
            return str(found["destinationDefinitionId"])
    wanted = {
        "name": "S3 Data Lake",
        "dockerRepository": repository,
        "dockerImageTag": tag,
        "documentationUrl": "https://docs.airbyte.com/integrations/destinations/s3-data-lake",
    }
    body = {"workspaceId": airbyte.workspace, "destinationDefinition": wanted}
    made = airbyte.post("destination_definitions/create_custom", body)
    return str(made["destinationDefinitionId"])


def _definition(kind: str, definitions: dict[str, str]) -> str:
    try:
        return definitions[kind]
    except KeyError:
        known = ", ".join(sorted(definitions))
        raise ConfigError(f"unknown source type {kind!r} in lakelet.yml; known: {known}") from None


def _check_fields(airbyte: Airbyte, definition: str, configuration: dict[str, Any]) -> None:
    """Refuse a field that is almost one of the connector's: Airbyte would pass over it."""
    body = {"sourceDefinitionId": definition, "workspaceId": airbyte.workspace}
    answer = airbyte.post("source_definition_specifications/get", body)
    known = list((answer.get("connectionSpecification") or {}).get("properties") or {})
    for field in configuration:
        near = difflib.get_close_matches(field, known, n=1, cutoff=0.75)
        if field not in known and near and near[0] not in configuration:
            raise ConfigError(f"there is no field {field!r}; did you mean {near[0]}?")


def _ensure_actor(
    airbyte: Airbyte, kind: str, name: str, definition: str, configuration: dict[str, Any]
) -> str:
    """Make or update a source or destination; return its id. Secrets are sent, never compared."""
    body = {"name": name, "connectionConfiguration": configuration}
    present = airbyte.named(f"{kind}s", name)
    if present is None:
        body |= {"workspaceId": airbyte.workspace, f"{kind}DefinitionId": definition}
        return str(airbyte.post(f"{kind}s/create", body)[f"{kind}Id"])
    if present[f"{kind}DefinitionId"] != definition:
        raise ConfigError(
            f"{kind} {name!r} is a {present[f'{kind}Name']} already, and a {kind} keeps its type:"
            " give the new one another name"
        )
    airbyte.post(f"{kind}s/update", {**body, f"{kind}Id": present[f"{kind}Id"]})
    return str(present[f"{kind}Id"])


def _check(airbyte: Airbyte, kind: str, name: str, actor: str) -> None:
    answer = airbyte.post(f"{kind}s/check_connection", {f"{kind}Id": actor})
    if answer["status"] != "succeeded":
        raise PermanentError(f"{kind} {name!r}: {answer.get('message')}")


def _destination_config(settings: Settings) -> dict[str, Any]:
    return {
        "s3_bucket_name": "bronze",
        "s3_bucket_region": "us-east-1",
        "s3_endpoint": f"http://{settings.s3_endpoint}",
        "access_key_id": "airbyte",
        "secret_access_key": settings.airbyte_s3_secret_key.get_secret_value(),
        "warehouse_location": "s3://bronze/",
        "main_branch_name": "main",
        "catalog_type": {
            "catalog_type": "REST",
            "server_uri": settings.iceberg_uri,
            "namespace": "bronze",
        },
    }


def _ensure_connection(
    airbyte: Airbyte, name: str, connection: Connection, source: str, destination: str
) -> None:
    body: dict[str, Any] = {
        "name": name,
        "syncCatalog": {"streams": _streams(airbyte, name, connection, source)},
        **connection_settings(connection),
    }
    present = airbyte.named("connections", name)
    if present is None:
        body |= {"sourceId": source, "destinationId": destination}
        airbyte.post("connections/create", body)
    elif present["sourceId"] != source:
        raise ConfigError(
            f"connection {name!r} reads another source so far, and a connection keeps its source:"
            f" give the new one another name and another namespace or prefix, or delete the old one"
            f" first (connections/delete of {present['connectionId']}; its table stays)"
        )
    else:
        airbyte.post("connections/update", {**body, "connectionId": present["connectionId"]})


def connection_settings(connection: Connection) -> dict[str, Any]:
    """Return what a connection is besides its name, ends and streams."""
    return {
        "namespaceDefinition": "customformat",
        "namespaceFormat": connection.namespace,
        "prefix": connection.prefix,
        "status": "active",
        "nonBreakingChangesPreference": connection.schema_changes,
        "backfillPreference": "enabled" if connection.backfill else "disabled",
        **_schedule(connection),
    }


def stream_config(stream: Stream) -> dict[str, Any]:
    """Return how a stream is read and written, in Airbyte's words."""
    return {
        "selected": True,
        "syncMode": stream.mode,
        "destinationSyncMode": stream.write,
        "cursorField": [stream.cursor] if stream.cursor else [],
        "primaryKey": [[column] for column in stream.key],
        "mappers": [mapper.model_dump() for mapper in stream.mappers],
    }


def _schedule(connection: Connection) -> dict[str, Any]:
    if connection.schedule == "continuous":
        steps = (connection.continuous or Continuous()).model_dump()
        return {"scheduleType": "manual", "continuous": steps}
    if connection.schedule == "manual":
        return {"scheduleType": "manual", "continuous": None}
    cron = {"cronExpression": connection.schedule, "cronTimeZone": connection.time_zone}
    return {"scheduleType": "cron", "scheduleData": {"cron": cron}, "continuous": None}


def _streams(
    airbyte: Airbyte, name: str, connection: Connection, source: str
) -> list[dict[str, Any]]:
    """Return the connection's catalog: the discovered streams that lakelet.yml names."""
    answer = airbyte.post("sources/discover_schema", {"sourceId": source, "disable_cache": True})
    entries = answer["catalog"]["streams"]
    chosen = []
    for stream, wanted in connection.streams.items():
        where = f"connection {name!r}: source {connection.source!r}"
        found = need_stream(entries, stream, where)
        _check_columns(f"connection {name!r}, stream {stream!r}", wanted, found["stream"])
        config = {**found["config"], **stream_config(wanted)}
        chosen.append({"stream": found["stream"], "config": config})
    return chosen


def _check_columns(where: str, wanted: Stream, discovered: dict[str, Any]) -> None:
    """Raise NotFoundError when cursor or key are no columns of the stream, as far as they show."""
    columns = (discovered.get("jsonSchema") or {}).get("properties") or {}
    missing = [name for name in (wanted.cursor, *wanted.key) if name and name not in columns]
    if columns and missing:
        raise NotFoundError(
            f"{where}: no column {', '.join(missing)} (cursor or key); it has: {', '.join(columns)}"
        )
