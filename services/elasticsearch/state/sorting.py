"""`sort` and `search_after`: keys as SQL for each index, and conditions to go on behind a hit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import (
    bad_query,
    illegal_argument,
    no_field_data,
    not_supported,
    parsing,
)
from services.elasticsearch.state.addresses import address_key
from services.elasticsearch.state.addresses import key_sql as address_sql
from services.elasticsearch.state.dates import DateFormat
from services.elasticsearch.state.query.context import QueryContext

_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
_MODES = {
    "min": "list_min",
    "max": "list_max",
    "sum": "list_sum",
    "avg": "list_avg",
    "median": "list_median",
}
_KNOWN = frozenset(
    [
        "order",
        "mode",
        "missing",
        "unmapped_type",
        "format",
        "numeric_type",
        "nested",
        "nested_path",
        "nested_filter",
    ]
)


@dataclass(frozen=True)
class SortKey:
    """One key of a sort."""

    path: str
    descending: bool
    missing: Any = "_last"
    unmapped_type: str | None = None
    mode: str | None = None
    format: str | None = None

    @property
    def nulls_first(self) -> bool:
        """Whether documents without a value come first."""
        return bool(self.missing == "_first")


def parse_sort(body: Any) -> list[SortKey]:
    """Return the keys of a `sort`. Raises parsing_exception."""
    keys = []
    for entry in body if isinstance(body, list) else [body]:
        if isinstance(entry, str):
            name, _, way = entry.partition(":")
            entry = {name: way} if way else {name: {}}
        for path, options in entry.items():
            if isinstance(options, str):
                options = {"order": options}
            if unknown := set(options) - _KNOWN:
                raise parsing(f"[field_sort] unknown field {sorted(unknown)}")
            if options.get("nested") or path in ("_script", "_geo_distance"):
                raise not_supported(f"sorting by [{path}]")
            order = str(options.get("order", "desc" if path == "_score" else "asc")).lower()
            if order not in ("asc", "desc"):
                raise illegal_argument(f"No enum constant SortOrder.{order.upper()}")
            keys.append(
                SortKey(
                    path,
                    order == "desc",
                    options.get("missing", "_last"),
                    options.get("unmapped_type"),
                    options.get("mode"),
                    options.get("format"),
                )
            )
    return keys


def key_sql(key: SortKey, context: QueryContext, number: int, score: str) -> str:
    """Return the key's SQL in one index, `number` being the index' place in the search.

    Missing numbers become the largest (or smallest) long, as in Elasticsearch's own sort values.
    """
    if key.path == "_score":
        return score
    if key.path == "_doc":
        return f"({number}::BIGINT << 44) + rowid"
    if key.path == "_shard_doc":
        return f"({number}::BIGINT << 44) + rowid"
    if key.path == "_id":
        return "_id"
    if key.path == "_index":
        return context.bind(context.index.name)
    field = context.field(key.path)
    if field is None:
        if key.unmapped_type is None:
            raise bad_query(f"No mapping found for [{key.path}] in order to sort on")
        is_text = key.unmapped_type in ("keyword", "text", "ip", "boolean")
        return "NULL::VARCHAR" if is_text else f"{_stand_in(key)}::BIGINT"
    if field.family in ("text", "binary"):
        raise no_field_data(key.path)
    sql = field.column
    if field.family == "ip":
        sql = (
            f"list_transform({sql}, lambda v: {address_sql('v')} || '|' || v)"
            if field.multi
            else f"({address_sql(sql)} || '|' || {sql})"
        )
    if field.multi:
        mode = key.mode or ("max" if key.descending else "min")
        if mode not in _MODES:
            raise illegal_argument(f"Unknown SortMode [{mode}]")
        sql = f"{_MODES[mode]}({sql})"
    if key.missing not in ("_last", "_first"):
        return f"coalesce({sql}, {context.bind(context.convert(field, key.missing))})"
    if field.family in ("integer", "date"):
        return f"coalesce({sql}, {_stand_in(key)})"
    return sql


def _stand_in(key: SortKey) -> int:
    return _LARGEST if key.descending == key.nulls_first else _SMALLEST


def order_by(keys: list[SortKey]) -> str:
    """Return the ORDER BY list over columns s0, s1 …"""
    parts = [
        f"s{n} {'DESC' if k.descending else 'ASC'} NULLS {'FIRST' if k.nulls_first else 'LAST'}"
        for n, k in enumerate(keys)
    ]
    return ", ".join([*parts, "ix", "rid"])


def after(keys: list[SortKey], values: list[Any], contexts: list[QueryContext]) -> str:
    """Return the condition of what comes behind a hit whose sort values are `values`."""
    if len(values) != len(keys):
        raise illegal_argument(f"search_after has {len(values)} value(s) but sort has {len(keys)}.")
    choices, equal = [], ""
    for number, (key, value) in enumerate(zip(keys, values, strict=True)):
        column = f"s{number}"
        if value is None:
            beyond = f"{column} IS NOT NULL" if key.nulls_first else "FALSE"
            same = f"{column} IS NULL"
        else:
            placeholder = (
                contexts[0].bind(_column_value(key, value, contexts)) if contexts else "NULL"
            )
            beyond = f"{column} {'<' if key.descending else '>'} {placeholder}"
            if not key.nulls_first:
                beyond = f"({beyond} OR {column} IS NULL)"
            same = f"{column} = {placeholder}"
        choices.append(f"({equal}{beyond})")
        equal += f"{same} AND "
    return f"({' OR '.join(choices)})"


def _column_value(key: SortKey, value: Any, contexts: list[QueryContext]) -> Any:
    field = next((f for c in contexts if (f := c.field(key.path))), None)
    if field is not None and field.family == "date" and isinstance(value, str):
        try:
            pattern = key.format or field.parameters.get("format")
            return DateFormat(pattern).parse(value)
        except ValueError as error:
            raise illegal_argument(
                f"Failed to parse search_after value for field [{key.path}]."
            ) from error
    if field is not None and field.family == "ip":
        return f"{address_key(str(value))}|{value}"
    return value


def shown(key: SortKey, value: Any, contexts: list[QueryContext]) -> Any:
    """Return a sort value as a hit shows it."""
    if isinstance(value, str) and any(
        f is not None and f.family == "ip" for c in contexts for f in [c.field(key.path)]
    ):
        return value.partition("|")[2]
    if key.format and isinstance(value, int) and value not in (_LARGEST, _SMALLEST):
        return DateFormat(key.format).print(value)
    return value
