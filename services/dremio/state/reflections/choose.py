"""Which columns a reflection gets when nobody says: by the columns' types, as Dremio chooses."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.catalog.entities import Path
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found
from services.dremio.state.reflections.definition import RAW, Dimension, Measure, Reflection
from services.dremio.state.reflections.registry import new_reflection


def fields(core: Core, dataset: Path) -> pa.Schema:
    """Return a dataset's columns. Raises DremioError (NOT_FOUND)."""
    entity = core.entities.get(dataset)
    if entity is not None and entity.kind == "VIEW":
        return fields_of(entity)
    table = core.catalog.table(dataset)
    if table is None:
        raise not_found(f"Dataset [{'.'.join(dataset)}] not found")
    return core.catalog.schema_of(table)


def default_measures(core: Core, dataset: Path) -> dict[str, tuple[str, ...]]:
    """Return, by column in lower case, the measures kept when none are named."""
    return {
        field.name.lower(): ("SUM", "COUNT") if _is_number(field.type) else ("COUNT",)
        for field in fields(core, dataset)
    }


def default_reflection(core: Core, dataset: Path, kind: str) -> Reflection:
    """Return the reflection that switching acceleration on makes."""
    columns = fields(core, dataset)
    plain = [f for f in columns if not pa.types.is_nested(f.type)]
    if kind == RAW:
        return new_reflection(
            dataset, "Raw Reflection", kind, display=tuple(f.name for f in columns)
        )
    dimensions = [f for f in plain if not _is_fraction(f.type)]
    return new_reflection(
        dataset,
        "Aggregation Reflection",
        kind,
        dimensions=tuple(Dimension(f.name, pa.types.is_timestamp(f.type)) for f in dimensions),
        measures=tuple(Measure(f.name, ("SUM", "COUNT")) for f in plain if _is_fraction(f.type)),
    )


def _is_fraction(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(_is_fraction(kind) or pa.types.is_integer(kind))
