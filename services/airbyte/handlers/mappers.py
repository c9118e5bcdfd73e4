"""A connection's mappers, checked when it is made or changed.

Facts: airbytehq/airbyte-platform, ConnectionsHandler (mappers get an id, all errors are told at
once), CatalogConverter (`hashedFields` count where there are no mappers) and
WebBackendMappersHandler (a draft is checked mapper by mapper). Its documentation says not to map a
cursor or a key that the sync mode depends on; here what cannot work is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from services.airbyte.handlers.errors import InvalidInputError, ProblemError
from services.airbyte.mapping.fields import Fields
from services.airbyte.mapping.mappers import (
    INVALID_CONFIG,
    Dropping,
    Hashing,
    Mapper,
    MapperError,
    of_hashed_fields,
    parse,
)
from services.airbyte.state.records import Json
from services.airbyte.state.secrets import MASK

_DEDUP = ("append_dedup", "overwrite_dedup")
# What is not shown of an encryption mapper that is refused.
_HIDDEN = "key"


def settle(catalog: Json) -> Json:
    """Return the catalog with its mappers as they are kept. Raises ProblemError."""
    entries, errors = [], []
    for entry in catalog.get("streams", []):
        config = entry.get("config") or {}
        mappers = _given(config)
        if config.get("selected", True):
            errors += list(_errors(entry, mappers))
        hashed = [{"fieldPath": [name]} for name in map(_hashed_field, mappers) if name]
        if mappers or "mappers" in config or "hashedFields" in config:
            config = {**config, "mappers": mappers, "hashedFields": hashed}
            entry = {**entry, "config": config}
        entries.append(entry)
    if errors:
        told = "; ".join(f"stream {error['stream']}: {error['message']}" for error in errors)
        raise ProblemError(
            f"The mapper configuration is invalid: {told}",
            kind="error:mapper-validation",
            title="Mapper validation failed",
            data={"errors": errors},
        )
    return {**catalog, "streams": entries}


def validate(catalog: Json, descriptor: Json, mappers: list[Json]) -> Json:
    """WebBackendValidateMappersResponse: what each mapper of a draft makes of a stream's fields."""
    wanted = (descriptor.get("namespace") or "", descriptor.get("name"))
    for entry in catalog.get("streams", []):
        if (entry["stream"].get("namespace") or "", entry["stream"]["name"]) == wanted:
            break
    else:
        raise InvalidInputError(f"the connection has no stream {descriptor.get('name')!r}")
    fields = first = Fields.of(_columns(entry))
    results = []
    for configured in mappers:
        result: Json = {"inputFields": _specs(entry, fields)}
        try:
            fields = _then(entry, fields, parse(configured))
        except MapperError as error:
            result["validationError"] = {"type": error.kind, "message": str(error)}
        result["outputFields"] = _specs(entry, fields)
        results.append(result | ({"id": configured["id"]} if configured.get("id") else {}))
    return {
        "initialFields": _specs(entry, first),
        "outputFields": _specs(entry, fields),
        "mappers": results,
    }


def _given(config: Json) -> list[Json]:
    given = config.get("mappers") or of_hashed_fields(config.get("hashedFields") or [])
    if not isinstance(given, list):
        raise InvalidInputError("mappers is a list", [("mappers", "must be a list")])
    return [
        {**one, "id": one.get("id") or str(uuid4())} if isinstance(one, dict) else one
        for one in given
    ]


def _hashed_field(mapper: Json) -> str | None:
    if not isinstance(mapper, dict) or mapper.get("type") != "hashing":
        return None
    return str((mapper.get("mapperConfiguration") or {}).get("targetField") or "") or None


def _errors(entry: Json, mappers: list[Json]) -> Iterator[Json]:
    """Yield Airbyte's ProblemMapperErrorData, with our words beside it."""
    fields = Fields.of(_columns(entry))
    known = bool(fields.columns)
    for configured in mappers:
        try:
            mapper = parse(configured)
            # Without a schema the sync tells what does not fit.
            fields = _then(entry, fields, mapper) if known else fields
        except MapperError as error:
            yield {
                "stream": entry["stream"].get("name"),
                "error": error.kind,
                "mapper": _without_secret(configured),
                "message": str(error),
            }


def _then(entry: Json, fields: Fields, mapper: Mapper) -> Fields:
    """Return what a mapper makes of the fields, where the stream's key and cursor allow it."""
    after = fields.then(mapper)
    config, stream = entry.get("config") or {}, entry["stream"]
    if config.get("destinationSyncMode") not in _DEDUP:
        return after
    if isinstance(mapper, Dropping):
        for path in config.get("primaryKey") or stream.get("sourceDefinedPrimaryKey") or []:
            if after.of_source(_top(path)) is None:
                raise MapperError(
                    INVALID_CONFIG,
                    f"{_top(path)!r} cannot be left out: it is in the primary key, by which"
                    f" {config['destinationSyncMode']} tells rows apart; hash it instead",
                )
    cursor = config.get("cursorField") or stream.get("defaultCursorField") or []
    if cursor and isinstance(mapper, Dropping | Hashing):
        field, before = after.of_source(_top(cursor)), fields.of_source(_top(cursor))
        if before is not None and (field is None or field.methods):
            raise MapperError(
                INVALID_CONFIG,
                f"{_top(cursor)!r} cannot be hashed or left out: it is the cursor, by which"
                f" {config['destinationSyncMode']} tells which version of a row is the latest",
            )
    return after


def _top(path: Any) -> str:
    return path if isinstance(path, str) else str(path[0])


def _columns(entry: Json) -> list[str]:
    """Return the stream's fields that are read."""
    config = entry.get("config") or {}
    names = list((entry["stream"].get("jsonSchema") or {}).get("properties") or {})
    if not config.get("fieldSelectionEnabled"):
        return names
    chosen = {_top(field.get("fieldPath") or [""]) for field in config.get("selectedFields") or []}
    return [name for name in names if name in chosen]


def _without_secret(configured: Any) -> Any:
    config = configured.get("mapperConfiguration") if isinstance(configured, dict) else None
    if not isinstance(config, dict) or _HIDDEN not in config:
        return configured
    return {**configured, "mapperConfiguration": {**config, _HIDDEN: MASK}}


# JSON schema's (format or type) and airbyte_type → Airbyte's FieldType.
_TYPES = {
    "string": "STRING",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "integer": "INTEGER",
    "number": "NUMBER",
    "array": "ARRAY",
    "object": "OBJECT",
    "date-time": "TIMESTAMP_WITH_TIMEZONE",
    "time": "TIME_WITHOUT_TIMEZONE",
    "timestamp_without_timezone": "TIMESTAMP_WITHOUT_TIMEZONE",
    "timestamp_with_timezone": "TIMESTAMP_WITH_TIMEZONE",
    "time_without_timezone": "TIME_WITHOUT_TIMEZONE",
    "time_with_timezone": "TIME_WITH_TIMEZONE",
}


def _specs(entry: Json, fields: Fields) -> list[Json]:
    """Return the fields as Airbyte's FieldSpecs."""
    config, stream = entry.get("config") or {}, entry["stream"]
    schemas = (stream.get("jsonSchema") or {}).get("properties") or {}
    key = [_top(path) for path in config.get("primaryKey") or []]
    cursor = [_top(config["cursorField"])] if config.get("cursorField") else []
    return [
        {
            "name": field.name,
            "type": "STRING" if field.methods else _type(schemas.get(field.source) or {}),
            "isSelectedPrimaryKey": field.source in key,
            "isSelectedCursor": field.source in cursor,
        }
        for field in fields
    ]


def _type(schema: Json) -> str:
    if "oneOf" in schema or "anyOf" in schema:
        return "MULTI"
    named = schema.get("type")
    plain = [one for one in (named if isinstance(named, list) else [named]) if one != "null"]
    if len(plain) > 1:
        return "MULTI"
    for word in (schema.get("airbyte_type"), schema.get("format"), *plain):
        if word in _TYPES:
            return _TYPES[word]
    return "UNKNOWN"
