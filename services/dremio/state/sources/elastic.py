"""Elasticsearch as a source: indices, aliases and data streams as tables.

Facts: Dremio's ELASTIC source reads with `_search` and scroll, types columns by the mapping,
and adds `_index`, `_type` and `_uid`. A table's name may be a pattern (`logs-*`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa

from services.dremio.sql.resolve import Physical
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.sources import elastic_query, elastic_rows, elastic_types
from services.dremio.state.sources.conditions import Condition
from services.dremio.state.sources.model import Child, Path, Scanned
from services.dremio.state.sources.scan import PushedDown

_REMEMBERED_SECONDS = 10.0
_KEEP_ALIVE = "5m"
_LARGEST_PAGE = 10_000  # Elasticsearch's index.max_result_window


class Elastic:
    """One cluster. A table's path is its index' name, or that and the mapping type."""

    def __init__(
        self, name: str, url: str, user: str, password: str, page: int, *, show_id: bool
    ) -> None:
        self._name = name
        self._page = max(100, min(page or 4000, _LARGEST_PAGE))
        self._show_id = show_id
        self._http = httpx.Client(
            base_url=url,
            auth=(user, password) if user else None,
            timeout=60,
            limits=httpx.Limits(max_connections=8),
            trust_env=False,
        )
        self._lock = threading.Lock()
        self._mappings: dict[str, tuple[float, elastic_types.Columns]] = {}
        self._names: tuple[float, list[str]] = (0.0, [])

    def check(self) -> None:
        """Ask for the cluster, or raise why that fails."""
        self._json("GET", "/")

    def folders(self) -> list[Path]:
        """Indices lie right in the source."""
        return []

    def tables(self, folder: Path) -> list[str]:
        """Return the names of indices, aliases and data streams."""
        if folder:
            return []
        until, known = self._names
        if until > time.monotonic():
            return known
        answer = self._json("GET", "/_resolve/index/*") or {}
        found = {
            str(entry["name"])
            for kind in ("indices", "aliases", "data_streams")
            for entry in answer.get(kind) or []
        }
        names = sorted(name for name in found if not name.startswith("."))
        self._names = (time.monotonic() + _REMEMBERED_SECONDS, names)
        return names

    def children(self, folder: Path) -> list[Child] | None:
        """Return the indices."""
        return None if folder else [Child(name, "TABLE") for name in self.tables(())]

    def kind(self, path: Path) -> str | None:
        """Return what lies at a path."""
        if self.schema(path) is not None:
            return "TABLE"
        return "FOLDER" if self.children(path) is not None else None

    def relation(self, path: Path, rows: int | None) -> Physical | Scanned | None:
        """Return the index (or pattern) at a path."""
        index, columns = self._table(path)
        if columns is None:
            return None
        page = self._page if rows is None else max(1, min(rows, self._page))

        def fetch(names: list[str], when: Condition | None) -> Iterator[pa.RecordBatch]:
            return self._fetch(index, columns, names, when, page)

        return Scanned(path, PushedDown(elastic_types.schema(columns, "us"), fetch))

    def schema(self, path: Path) -> pa.Schema | None:
        """Return an index' columns."""
        columns = self._table(path)[1]
        return None if columns is None else elastic_types.schema(columns, "ms")

    def refresh(self, path: Path) -> None:
        """Forget mappings and names."""
        self._mappings.clear()
        self._names = (0.0, [])

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _table(self, path: Path) -> tuple[str, elastic_types.Columns | None]:
        if len(path) == 2 and path[1].lower() in ("_doc", "doc"):
            path = path[:1]
        if len(path) != 1 or not path[0] or path[0].startswith(("_", "-")) or "/" in path[0]:
            return "", None
        index = path[0].lower()  # an index' name has no capitals
        known = self._mappings.get(index)
        if known and known[0] > time.monotonic():
            return index, known[1]
        answer = self._json("GET", f"/{_escaped(index)}/_mapping")
        if not answer:
            return index, None
        columns = elastic_types.columns(list(answer.values()), show_id=self._show_id)
        self._mappings[index] = (time.monotonic() + _REMEMBERED_SECONDS, columns)
        return index, columns

    def _fetch(
        self,
        index: str,
        columns: elastic_types.Columns,
        names: list[str],
        when: Condition | None,
        page: int,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows page by page; whoever stops reading stops the search."""
        body: dict[str, Any] = {
            "size": page,
            "query": elastic_query.query(when, columns),
            "_source": [name for name in names if name not in elastic_types.META] or False,
            "sort": ["_doc"],
        }
        schema = elastic_types.schema(columns, "us")
        wanted = pa.schema([schema.field(name) for name in names])
        address = f"/{_escaped(index)}/_search"
        answer = self._json("POST", f"{address}?scroll={_KEEP_ALIVE}", body)
        if answer is None:
            return
        scroll = answer.get("_scroll_id")
        try:
            while True:
                hits = answer["hits"]["hits"]
                if hits:
                    yield elastic_rows.batch(hits, wanted, columns)
                if len(hits) < page or not scroll:
                    return
                body = {"scroll": _KEEP_ALIVE, "scroll_id": scroll}
                answer = self._json("POST", "/_search/scroll", body) or {"hits": {"hits": []}}
                scroll = answer.get("_scroll_id") or scroll
        finally:
            if scroll:
                self._json("DELETE", "/_search/scroll", {"scroll_id": scroll})

    def _json(self, method: str, address: str, body: Any = None) -> dict[str, Any] | None:
        """Return the answer, None for 404. Raises DremioError (CONNECTION, DATA_READ)."""
        try:
            answer = self._http.request(method, address, json=body)
        except httpx.HTTPError as error:
            raise DremioError(
                ErrorKind.CONNECTION,
                f"Source '{self._name}': Elasticsearch at {self._http.base_url} failed: {error}",
            ) from error
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            kind = ErrorKind.PERMISSION if answer.status_code in (401, 403) else ErrorKind.DATA_READ
            raise DremioError(
                kind, f"Source '{self._name}': Elasticsearch refused: {answer.text[:300]}"
            )
        found: dict[str, Any] = answer.json()
        return found


def _escaped(index: str) -> str:
    return httpx.URL(path="/" + index).raw_path.decode()[1:].replace("?", "%3F")
