"""Documents as columns: what most of them come down to, a field at a time instead of a row.

Building rows costs several times what building columns does. What does not fit (lists, objects,
fields that the mapping lacks, values that are refused) is left to `RowBuilder`, which knows all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.elasticsearch.state.analysis import searchable_all
from services.elasticsearch.state.dates import DateFormat
from services.elasticsearch.state.mapping.fields import Field, Mapping

Column = tuple[Field, list[Any]]

_SCALARS = frozenset([str, int, float, bool, type(None)])


def columns_of(mapping: Mapping, documents: list[dict[str, Any]]) -> list[Column] | None:
    """Return the columns that `documents` fill, a value or None for each document.

    None: some document needs a row builder (which then also says what is wrong with it).
    """
    names = set().union(*documents)
    columns: list[Column] = []
    for name in names:
        fields = _plain_fields(mapping, name)
        if fields is None:
            return None
        if not fields:
            continue
        values = [document.get(name) for document in documents]
        kinds = set(map(type, values))
        if not kinds <= _SCALARS:
            return None
        try:
            columns += [(f, _converted(f, values, kinds)) for f in fields]
        except (ValueError, OverflowError):
            return None
    return columns


def _plain_fields(mapping: Mapping, name: str) -> list[Field] | None:
    """Return the fields that a value under `name` goes to, None when that is not so simple."""
    own = mapping.fields.get(name)
    if own is None:
        ignored = mapping.dynamic == "false" and "." not in name and name.strip()
        return [] if ignored and name not in mapping.body.get("properties", {}) else None
    if "." in name or "null_value" in own.parameters or own.parameters.get("copy_to"):
        return None
    fields = mapping.sub_fields(name)
    return None if any(f.multi for f in fields) else fields


def _converted(field: Field, values: list[Any], kinds: set[type]) -> list[Any]:
    """Raises ValueError or OverflowError when a value does not fit."""
    if type(None) in kinds:
        some = [value for value in values if value is not None]
        made = iter(_converted(field, some, kinds - {type(None)}))
        return [None if value is None else next(made) for value in values]
    whole = _WHOLE.get((field.family, next(iter(kinds)))) if len(kinds) == 1 else None
    return whole(field, values) if whole else list(map(field.converter, values))


def _keywords(field: Field, values: list[str]) -> list[str | None] | list[str]:
    if "normalizer" in field.parameters:
        return list(map(field.converter, values))
    longest = field.parameters.get("ignore_above")
    if longest is None:
        return values
    return [v if len(v) <= longest else None for v in values]


def _texts(field: Field, values: list[str]) -> list[str]:
    return searchable_all(values, field.parameters.get("analyzer", "standard"))


def _dates(field: Field, values: list[str]) -> list[int]:
    return DateFormat(field.parameters.get("format")).parse_all(values)


def _numbers(field: Field, values: list[Any]) -> list[Any]:
    # What holds of the least and the greatest holds of all between them.
    field.converter(min(values, default=0))
    field.converter(max(values, default=0))
    return values


# Family and the one type that all values are of → all of them converted at once.
_WHOLE: dict[tuple[str, type], Callable[[Field, list[Any]], list[Any]]] = {
    ("keyword", str): _keywords,
    ("text", str): _texts,
    ("date", str): _dates,
    ("integer", int): _numbers,
    ("decimal", float): _numbers,
    ("boolean", bool): lambda _, values: values,
}
