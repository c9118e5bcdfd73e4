"""A file whose columns are known: what every format's reader gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import orjson

from services.airbyte.cdk.columns import Column, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.file.types import expression, iceberg_type

Json = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """A file: its columns (none: it is empty), what to select from, and the refused lines (after
    reading)."""

    columns: tuple[Column, ...]
    relation: str
    refused: Callable[[], list[Json]] = field(default=list)


NOTHING = Opened((), "(SELECT 1 WHERE false)")


def described(
    duck: duckdb.DuckDBPyConnection,
    source: str,
    refused: Callable[[], list[Json]] = list,
    empty: Iterable[str] = (),
) -> Opened:
    """Return what a relation's columns are, in the table's types. `empty` have no value."""
    rows = duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    kinds = {row[0]: "VARCHAR" if row[0] in empty else row[1] for row in rows}
    columns = tuple(Column(n, iceberg_type(k), untyped=n in empty) for n, k in kinds.items())
    chosen = ", ".join(f"{expression(n, k)} AS {quote(n)}" for n, k in kinds.items())
    return Opened(columns, f"(SELECT {chosen} FROM {source})", refused)


def options(config: Json) -> Json:
    """Return `reader_options` as an object. Raises ConnectorError when it is not JSON."""
    text = config.get("reader_options") or "{}"
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise config_error(f"reader_options is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise config_error("reader_options is not a JSON object")
    return found


def skips(config: Json) -> bool:
    """Whether lines that cannot be read are put aside."""
    return str(options(config).get("on_bad_lines", "error")) != "error"
