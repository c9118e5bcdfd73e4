"""Making, changing and dropping indices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, illegal_argument
from services.elasticsearch.state.catalog import Catalog, Index, drop, new_index, put
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.mapping.fields import Mapping, build_mapping, merge_bodies
from services.elasticsearch.state.names import check_name
from services.elasticsearch.state.templates import composed_for

_DEFAULTS = {"number_of_shards": "1", "number_of_replicas": "0"}
_STATIC = frozenset({"number_of_shards", "uuid", "creation_date", "provided_name", "version"})


class Indices:
    """The indices of one store."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database, self._catalog = database, catalog

    def current(self, name: str) -> Index | None:
        """Return the index as it is now, None when there is none."""
        return self._catalog.indices.get(name)

    def create(self, name: str, body: dict[str, Any], *, data_stream: str | None = None) -> Index:
        """Make index `name` from its template and `body` (settings, mappings, aliases).

        Raises resource_already_exists_exception and what mappings and names raise.
        """
        if data_stream is None:
            check_name(name)
        with self._database.exclusive():
            existing = self._catalog.indices.get(name)
            if existing is not None:
                raise RequestError(
                    400,
                    "resource_already_exists_exception",
                    f"index [{name}/{existing.uuid}] already exists",
                    index=name,
                    index_uuid=existing.uuid,
                )
            if any(name in i.aliases for i in self._catalog.indices.values()):
                raise RequestError(
                    400,
                    "invalid_index_name_exception",
                    f"Invalid index name [{name}], already exists as alias",
                    index=name,
                    index_uuid="_na_",
                )
            template = composed_for(self._catalog, data_stream or name)
            mapping_body = merge_bodies(
                template.get("mappings", {}), _check_mappings(body.get("mappings") or {})
            )
            if data_stream is not None:
                timestamp = {"properties": {"@timestamp": {"type": "date"}}}
                mapping_body = merge_bodies(timestamp, mapping_body)
            settings = {
                **_DEFAULTS,
                **flat_settings(template.get("settings", {})),
                **flat_settings(body.get("settings") or {}),
            }
            aliases = {
                alias.replace("{index}", name): normal_alias(definition)
                for alias, definition in {
                    **template.get("aliases", {}),
                    **(body.get("aliases") or {}),
                }.items()
            }
            index = replace(
                new_index(name, self._catalog.take_number()),
                settings=settings,
                mapping=build_mapping(mapping_body),
                aliases=aliases,
                data_stream=data_stream,
            )
            with self._database.writing() as cursor:
                columns = "".join(
                    f", {f.column} {f.sql_type}" for f in index.mapping.fields.values()
                )
                cursor.execute(
                    f"CREATE TABLE {index.table} (_id VARCHAR, _seq BIGINT, _version BIGINT, "
                    f"_routing VARCHAR, _source VARCHAR{columns})"
                )
                put(cursor, "index", name, index.to_json())
                number = index.table.removeprefix("docs_").encode()
                put(cursor, "counter", "tables", number)
            self._catalog.adopt(index)
            return index

    def delete(self, indices: list[Index]) -> None:
        """Drop indices with their documents."""
        with self._database.exclusive():
            with self._database.writing() as cursor:
                for index in indices:
                    cursor.execute(f"DROP TABLE IF EXISTS {index.table}")
                    drop(cursor, "index", index.name)
            self._catalog.forget([i.name for i in indices])

    def put_mapping(self, name: str, body: dict[str, Any]) -> Index:
        """Add fields to the mapping. Raises when a field would change its type."""
        with self._database.exclusive():
            index = self._catalog.index(name)
            merged = merge_bodies(index.mapping.body, _check_mappings(body))
            return self.grow(index, build_mapping(merged, index.mapping), set())

    def grow(self, index: Index, mapping: Mapping, multi: set[str]) -> Index:
        """Give the index a larger mapping; the fields `multi` get columns of lists.

        A list column is added and filled rather than made of the old one: DuckDB 1.5 cannot
        replay `ALTER COLUMN … USING` from its log, and a killed store could not be opened again.
        The old column stays for searches that run just now, and goes with the index.
        The caller holds the writer's lock; the change is committed when this returns.
        """
        known, table = index.mapping.fields, index.table
        mapping = mapping.with_multi(multi)
        with self._database.writing() as cursor:
            # First every new column, then one update: DuckDB refuses to alter what was updated.
            filled = []
            for path, field in mapping.fields.items():
                if path in known and path not in multi:
                    continue
                cursor.execute(f"ALTER TABLE {table} ADD COLUMN {field.column} {field.sql_type}")
                if path in known:
                    old = known[path].column
                    filled.append(f"{field.column} = CASE WHEN {old} IS NOT NULL THEN [{old}] END")
            if filled:
                cursor.execute(f"UPDATE {table} SET {', '.join(filled)}")
            grown = replace(index, mapping=mapping)
            put(cursor, "index", index.name, grown.to_json())
        self._catalog.adopt(grown)
        return grown

    def put_settings(self, name: str, body: dict[str, Any], *, preserve: bool = False) -> None:
        """Change dynamic settings; null brings a default back."""
        with self._database.exclusive():
            index = self._catalog.index(name)
            changed = flat_settings(body)
            for key in changed:
                if key in _STATIC and not index.closed:
                    raise illegal_argument(
                        f"Can't update non dynamic settings [[index.{key}]] for open indices "
                        f"[[{name}/{index.uuid}]]"
                    )
            settings = {**changed, **index.settings} if preserve else {**index.settings, **changed}
            kept = {k: v for k, v in settings.items() if v is not None}
            self._catalog.save_index(replace(index, settings={**_DEFAULTS, **kept}))

    def set_closed(self, name: str, closed: bool) -> None:
        """Open or close an index."""
        with self._database.exclusive():
            self._catalog.save_index(replace(self._catalog.index(name), closed=closed))

    def change_aliases(self, changes: list[tuple[str, str, str, dict[str, Any]]]) -> None:
        """Apply (add | remove | remove_index, index, alias, definition), all or nothing."""
        with self._database.exclusive():
            changed: dict[str, Index] = {}
            removed: list[Index] = []
            for action, name, alias, definition in changes:
                index = changed.get(name) or self._catalog.index(name)
                aliases = dict(index.aliases)
                if action == "remove_index":
                    removed.append(index)
                    continue
                if action == "add":
                    check_name(alias)
                    if alias in self._catalog.indices:
                        raise RequestError(
                            400,
                            "invalid_alias_name_exception",
                            f"Invalid alias name [{alias}]: an index or data stream exists with "
                            "the same name as the alias",
                            index=alias,
                        )
                    aliases[alias] = normal_alias(definition)
                else:
                    aliases.pop(alias, None)
                changed[name] = replace(index, aliases=aliases)
            with self._database.writing() as cursor:
                for index in changed.values():
                    put(cursor, "index", index.name, index.to_json())
            for index in changed.values():
                self._catalog.adopt(index)
            if removed:
                self.delete(removed)


def _check_mappings(body: dict[str, Any]) -> dict[str, Any]:
    known = {
        "properties", "dynamic", "dynamic_templates", "date_detection", "numeric_detection",
        "_source", "_meta", "_routing", "_data_stream_timestamp", "subobjects", "runtime",
        "dynamic_date_formats",
    }  # fmt: skip
    for name in body:
        if name not in known:
            raise RequestError(
                400,
                "mapper_parsing_exception",
                f"Root mapping definition has unsupported parameters:  [{name} : "
                f"{orjson.dumps(body[name]).decode()}]",
            )
    if body.get("runtime"):
        raise RequestError(
            400,
            "mapper_parsing_exception",
            "runtime fields are not supported by this embedded log store; map a real field",
        )
    if isinstance(body.get("_source"), dict) and body["_source"].get("enabled") is False:
        raise RequestError(
            400, "mapper_parsing_exception", "_source cannot be disabled in this log store"
        )
    return body


def normal_alias(definition: dict[str, Any] | None) -> dict[str, Any]:
    """Return an alias' definition with `routing` spelled out as the API shows it."""
    made = dict(definition or {})
    routing = made.pop("routing", None)
    if routing is not None:
        made.setdefault("index_routing", str(routing))
        made.setdefault("search_routing", str(routing))
    return {k: v for k, v in made.items() if v is not None}


def flat_settings(body: dict[str, Any]) -> dict[str, Any]:
    """Return settings as dotted names without `index.`, values as texts as the API shows them."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else key, inner)
        else:
            name = prefix.removeprefix("index.")
            if isinstance(value, bool):
                value = str(value).lower()
            elif isinstance(value, list):
                value = [str(item) for item in value]
            elif value is not None:
                value = str(value)
            flat[name] = value

    walk("", body)
    return flat
