"""A dataset that DuckDB scans with the columns and filters that its optimizer pushed down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from services.dremio.state.sources.conditions import Condition, condition_of

Fetch = Callable[[list[str], Condition | None], Iterator[pa.RecordBatch]]
_log = logging.getLogger(__name__)


class PushedDown(ds.InMemoryDataset):  # type: ignore[misc]
    """Rows fetched anew by every scan: `fetch(columns, condition)` may give more rows than fit.

    DuckDB calls `scanner` of whatever is a pyarrow Dataset, with a projection and a filter, and
    trusts the answer: what the source did not filter is filtered here.
    """

    def __init__(self, schema: pa.Schema, fetch: Fetch) -> None:
        super().__init__(schema.empty_table())
        self._fetch = fetch

    def scanner(
        self, columns: list[str] | None = None, filter: Any = None, **options: Any
    ) -> ds.Scanner:
        """Return a scanner over freshly fetched rows."""
        names = list(columns) if columns is not None else self.schema.names
        wanted = names or self.schema.names[:1]  # count(*): one column to count rows by
        condition = None
        if filter is not None:
            condition = condition_of(filter, frozenset(self.schema.names))
        schema = pa.schema([self.schema.field(name) for name in wanted])
        reader = pa.RecordBatchReader.from_batches(schema, self._fetch(wanted, condition))
        if filter is None:
            return ds.Scanner.from_batches(reader)
        return ds.Scanner.from_batches(reader, filter=filter)
