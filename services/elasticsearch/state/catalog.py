"""What exists: indices with their mappings, settings and aliases, templates, policies, keys.

Kept in memory as immutable values, read by many threads; every change is written to the
`meta` table in the transaction that it belongs to and replaces the value after the commit.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import orjson

from services.elasticsearch.errors import index_not_found
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.mapping.fields import Mapping, build_mapping


@dataclass(frozen=True)
class Index:
    """One index; `table` holds its documents. `created`: milliseconds since 1970."""

    name: str
    table: str
    uuid: str
    created: int
    settings: dict[str, Any] = field(default_factory=dict)
    mapping: Mapping = field(default_factory=Mapping)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    data_stream: str | None = None
    closed: bool = False

    @property
    def hidden(self) -> bool:
        """Whether wildcards pass it by."""
        return str(self.settings.get("hidden", "false")).lower() == "true"

    def to_json(self) -> bytes:
        """Return what is kept of it."""
        fields = self.mapping.fields
        return orjson.dumps(
            {
                "table": self.table,
                "uuid": self.uuid,
                "created": self.created,
                "settings": self.settings,
                "mapping": self.mapping.body,
                "columns": {path: [f.column, f.multi] for path, f in fields.items()},
                "next_column": self.mapping.columns,
                "aliases": self.aliases,
                "data_stream": self.data_stream,
                "closed": self.closed,
            }
        )

    @staticmethod
    def from_json(name: str, text: str) -> Index:
        """Return the index kept as `text`."""
        kept = orjson.loads(text)
        mapping = build_mapping(kept["mapping"])
        fields = {
            path: replace(f, column=kept["columns"][path][0], multi=kept["columns"][path][1])
            for path, f in mapping.fields.items()
        }
        return Index(
            name=name,
            table=kept["table"],
            uuid=kept["uuid"],
            created=kept["created"],
            settings=kept["settings"],
            mapping=Mapping(kept["mapping"], fields, kept["next_column"]),
            aliases=kept["aliases"],
            data_stream=kept["data_stream"],
            closed=kept["closed"],
        )


def new_index(name: str, number: int) -> Index:
    """Return an index that has no document, mapping or setting yet."""
    return Index(
        name=name,
        table=f"docs_{number}",
        uuid=uuid.uuid4().hex[:22],
        created=now_millis(),
    )


class Catalog:
    """The indices by name and the other named things by kind and name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.indices: dict[str, Index] = {}
        self.things: dict[str, dict[str, Any]] = {}
        for kind, name, body in database.rows("SELECT kind, name, body FROM meta"):
            if kind == "index":
                self.indices[name] = Index.from_json(name, body)
            else:
                self.things.setdefault(kind, {})[name] = orjson.loads(body)
        numbers = [int(i.table.removeprefix("docs_")) for i in self.indices.values()]
        self._next = max([*numbers, int(self.thing("counter", "tables") or 0)], default=0) + 1

    def index(self, name: str) -> Index:
        """Return the index called exactly `name`. Raises index_not_found_exception."""
        found = self.indices.get(name)
        if found is None:
            raise index_not_found(name)
        return found

    def thing(self, kind: str, name: str) -> Any:
        """Return the thing's body, or None."""
        return self.things.get(kind, {}).get(name)

    def all(self, kind: str) -> dict[str, Any]:
        """Return the things of a kind by name."""
        return dict(self.things.get(kind, {}))

    def take_number(self) -> int:
        """Return a table number never used before."""
        number = self._next
        self._next += 1
        return number

    def save_index(self, index: Index) -> None:
        """Keep `index` in a transaction of its own."""
        with self._database.writing() as cursor:
            put(cursor, "index", index.name, index.to_json())
        self.adopt(index)

    def adopt(self, index: Index) -> None:
        """Show `index` to readers (its row in `meta` is committed)."""
        self.indices = {**self.indices, index.name: index}

    def forget(self, names: list[str]) -> None:
        """Hide indices from readers (their rows in `meta` are gone)."""
        self.indices = {k: v for k, v in self.indices.items() if k not in names}

    def save_thing(self, kind: str, name: str, body: Any) -> None:
        """Keep a template, policy, key …"""
        with self._database.writing() as cursor:
            put(cursor, kind, name, orjson.dumps(body))
        self.things = {**self.things, kind: {**self.all(kind), name: body}}

    def drop_thing(self, kind: str, name: str) -> None:
        """Forget a template, policy, key …"""
        with self._database.writing() as cursor:
            drop(cursor, kind, name)
        kept = {k: v for k, v in self.all(kind).items() if k != name}
        self.things = {**self.things, kind: kept}


def put(cursor: duckdb.DuckDBPyConnection, kind: str, name: str, body: bytes) -> None:
    """Write one row of `meta` in the caller's transaction."""
    drop(cursor, kind, name)
    cursor.execute("INSERT INTO meta VALUES (?, ?, ?)", [kind, name, body.decode()])


def drop(cursor: duckdb.DuckDBPyConnection, kind: str, name: str) -> None:
    """Delete one row of `meta` in the caller's transaction."""
    cursor.execute("DELETE FROM meta WHERE kind = ? AND name = ?", [kind, name])
