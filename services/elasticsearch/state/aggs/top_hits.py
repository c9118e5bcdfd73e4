"""top_hits: the first documents of each bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument, not_supported
from services.elasticsearch.state.aggs.base import Key, Rows, Special
from services.elasticsearch.state.source import SourceFilter

FetchHits = Callable[[list[tuple[int, int]], SourceFilter], list[dict[str, Any]]]


class TopHits(Special):
    """`{"top_hits": {"size", "from", "sort", "_source"}}`; sorted by fields only."""

    allowed = frozenset({"size", "from", "sort", "_source", "track_scores", "version"})
    fetch: FetchHits | None = None

    @override
    def plan(self) -> None:
        self.source.wants_rows = True
        self.size, self.start = int(self.body.get("size", 3)), int(self.body.get("from", 0))
        self.filter = SourceFilter(self.body.get("_source", True))
        self.order: list[str] = []
        self.sort_columns: list[str] = []
        wanted = self.body.get("sort") or []
        for entry in wanted if isinstance(wanted, list) else [wanted]:
            [(path, options)] = (
                entry.items() if isinstance(entry, dict) else [(entry, {"order": "asc"})]
            )
            way = options if isinstance(options, str) else options.get("order", "asc")
            if path in ("_score", "_doc"):
                raise not_supported(f"sorting top_hits by [{path}]")
            column = self.source.column(path)
            if column.family == "text":
                raise illegal_argument(f"Text fields are not optimised for sorting: [{path}]")
            descending = str(way).lower() == "desc"
            sql = column.sql
            if column.multi:
                sql = f"list_{'max' if descending else 'min'}({sql})"
            self.sort_columns.append(sql)
            self.order.append(f"{sql} {'DESC' if descending else 'ASC'} NULLS LAST")
        self.order += ["ix", "rid"]

    @override
    def run(self, relation: str, parents: list[str], rows: Rows) -> Callable[[Key], dict[str, Any]]:
        partition = f"PARTITION BY {', '.join(parents)}" if parents else ""
        chosen = ", ".join(
            [*parents, "ix", "rid", f"count(*) OVER ({partition})", *self.sort_columns]
        )
        last = self.start + self.size
        rank = f"row_number() OVER ({partition} ORDER BY {', '.join(self.order)})"
        sql = (
            f"SELECT {chosen} FROM {relation} QUALIFY {rank} BETWEEN {self.start + 1} AND {last} "
            f"ORDER BY {rank}"
        )
        width = len(parents)
        found: dict[Key, list[tuple[Any, ...]]] = {}
        for row in rows(sql):
            found.setdefault(row[:width], []).append(row[width:])

        def respond(key: Key) -> dict[str, Any]:
            chosen_rows = found.get(key, [])
            if self.fetch is None:
                raise RuntimeError("top_hits was given nothing to fetch documents with")
            hits = self.fetch([(r[0], r[1]) for r in chosen_rows], self.filter)
            for hit, row in zip(hits, chosen_rows, strict=True):
                hit["_score"] = None if self.sort_columns else 1.0
                if self.sort_columns:
                    hit["sort"] = list(row[3:])
            total = chosen_rows[0][2] if chosen_rows else 0
            best = 1.0 if chosen_rows and not self.sort_columns else None
            return {
                "hits": {
                    "total": {"value": total, "relation": "eq"},
                    "max_score": best,
                    "hits": hits,
                }
            }

        return respond
