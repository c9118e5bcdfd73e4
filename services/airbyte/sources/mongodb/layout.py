"""A stream's columns, and its documents in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
import pyarrow as pa

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.columns import Column, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mongodb.collections import DATA, ID
from services.airbyte.sources.mongodb.connecting import DECODED
from services.airbyte.sources.mongodb.types import OBJECT, TEXT, column, of_schema
from services.airbyte.sources.mongodb.values import PLACES, arrow

Json = dict[str, Any]

_BAD = "__lakelet_bad_"
_REASON = "SOURCE_SERIALIZATION_ERROR"


@dataclass
class Layout:
    """The columns of a stream: `kinds` by the field's name, `_id` among them.

    `whole`: documents are not taken apart (schema_enforced is off). `grows`: a field that is new
    becomes a column, of the kind of its values; otherwise it is left out.
    """

    name: str
    kinds: dict[str, str]
    whole: bool = False
    grows: bool = False
    _id_class: type | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, as they are now."""
        return tuple(column(name, kind) for name, kind in self.kinds.items())

    @property
    def fallible(self) -> tuple[str, ...]:
        """The columns that may meet values without a place in them."""
        return tuple(name for name, kind in self.kinds.items() if not PLACES[kind].total)

    @property
    def nulled(self) -> dict[str, tuple[str, str]]:
        """What `Reading` and `Changes` say about such values."""
        return {name: (f"coalesce({quote(_BAD + name)}, false)", _REASON) for name in self.fallible}

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of `arrays`."""
        own = [pa.field(name, PLACES[kind].arrow) for name, kind in self.kinds.items()]
        return pa.schema([*own, *(pa.field(_BAD + name, pa.bool_()) for name in self.fallible)])

    def arrays(self, documents: bytes) -> dict[str, pa.Array]:
        """Return BSON documents (one after the other) as the columns of `schema`.

        Raises ConnectorError where an `_id` does not fit its column: nothing could find the row.
        """
        rows: list[Json] = list(bson.decode_all(documents, DECODED))
        if self.grows:
            self._take_new(rows)
        marks: dict[str, pa.Array] = {}
        found: dict[str, pa.Array] = {}
        good = pa.nulls(len(rows), pa.bool_())
        for name, kind in self.kinds.items():
            values: Sequence[Any] = [row.get(name) for row in rows]
            if self.whole and name == DATA:
                values = [row or None for row in rows]
            if name == ID:
                self._check_ids(values, kind)
            found[name], bad = arrow(values, kind)
            if bad is not None and name == ID:
                raise self._odd_id(kind)
            if name in self.fallible:
                marks[_BAD + name] = good if bad is None else bad
        return found | marks

    def _take_new(self, rows: Sequence[Json]) -> None:
        there = set().union(*rows) if rows else set()
        for name in sorted(there - self.kinds.keys()):
            self.kinds[name] = infer([row[name] for row in rows if name in row])

    def _check_ids(self, values: Sequence[Any], kind: str) -> None:
        """Texts of ids of several types could be the same text."""
        if kind != TEXT:
            return
        for one in set(map(type, values)) - {type(None)}:
            if self._id_class is None:
                self._id_class = one
            if one is not self._id_class:
                raise self._odd_id(f"{self._id_class.__name__} and {one.__name__}")

    def _odd_id(self, found: str) -> Exception:
        return config_error(
            f"collection {self.name}: its documents have an _id of several types ({found} among"
            " them); deselect it, or make them one type"
        )


def infer(values: Sequence[Any]) -> str:
    """Return the kind of a field from its values."""
    kinds = {kind for value in values if value is not None and (kind := _kind_of(value))}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {"long", "double"}:
        return "double"
    return "array" if kinds == {"object", "array"} else TEXT


def _kind_of(value: Any) -> str:
    for kind, place in PLACES.items():
        if type(value) in place.own:
            return kind
    if isinstance(value, list):
        return "array"
    return OBJECT if isinstance(value, dict) else TEXT


def layout_of(
    stream: ConfiguredStream,
    offered: Mapping[str, str],
    *,
    schema_enforced: bool,
    say: Callable[[str], None],
) -> Layout:
    """Return the columns that the connection wants of a stream.

    Their types are the catalog's; `offered` are those of a sample, for a stream that was chosen
    without a schema. Raises ConnectorError when catalog and configuration do not fit together.
    """
    properties: Json = stream.schema.get("properties") or {}
    kinds = {
        name: of_schema(schema)
        for name, schema in properties.items()
        if not name.startswith("_ab_cdc_")
    } or dict(offered)
    if not schema_enforced:
        if properties and not (set(kinds) == {ID, DATA} and kinds[DATA] == OBJECT):
            raise config_error(
                f"stream {stream.name!r}: schema_enforced is off in the source, and the"
                " connection's schema has fields: refresh the connection's schema"
                " (discover_schema) and reset its data"
            )
        return Layout(stream.name, {ID: kinds.get(ID, TEXT), DATA: OBJECT}, whole=True)
    wanted = stream.selected_columns or tuple(kinds)
    chosen = {ID: kinds.get(ID, TEXT)} | {n: k for n, k in kinds.items() if n in wanted}
    propagate = stream.known_columns is None and stream.selected_columns is None
    if gone := [name for name in wanted if name not in kinds and not name.startswith("_ab_cdc_")]:
        say(f"{stream.name}: {', '.join(gone)} is not in the connection's schema: not read")
    return Layout(stream.name, chosen, grows=propagate)
