"""top_hits: the first documents of each bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from services.elasticsearch.errors import illegal_argument, not_supported
from services.elasticsearch.state.aggs.base import Key, Rows, Special
from services.elasticsearch.state.request import SearchRequest, parse_search

FetchHits = Callable[[list[tuple[int, int]], SearchRequest], list[dict[str, Any]]]
# How the documents are shown, as in a search.
_SHOWN = frozenset(
    [
        "_source", "version", "seq_no_primary_term", "fields", "docvalue_fields", "stored_fields",
        "highlight", "explain", "script_fields",
    ]
)  # fmt: skip


def needs_scores(aggs: Any) -> bool:
    """Say whether a `top_hits` somewhere in a request's aggregations goes by the score."""
    if not isinstance(aggs, dict):
        return False
    for definition in aggs.values():
        if not isinstance(definition, dict):
            continue
        hits = definition.get("top_hits")
        if isinstance(hits, dict) and (not hits.get("sort") or "_score" in str(hits["sort"])):
            return True
        if needs_scores(definition.get("aggs", definition.get("aggregations"))):
            return True
    return False


class TopHits(Special):
    """`{"top_hits": {"size", "from", "sort", "_source", "highlight" …}}`; by score, or sorted."""

    allowed = frozenset({"size", "from", "sort", "track_scores"}) | _SHOWN
    fetch: FetchHits | None = None

    @override
    def plan(self) -> None:
        self.source.wants_rows = True
        self.size, self.start = int(self.body.get("size", 3)), int(self.body.get("from", 0))
        self.shown = parse_search({k: v for k, v in self.body.items() if k in _SHOWN})
        self.order: list[str] = []
        self.sort_columns: list[str] = []
        wanted = self.body.get("sort") or []
        for entry in wanted if isinstance(wanted, list) else [wanted]:
            [(path, options)] = (
                entry.items() if isinstance(entry, dict) else [(entry, {"order": "asc"})]
            )
            way = options if isinstance(options, str) else options.get("order", "asc")
            if path == "_doc":
                raise not_supported(f"sorting top_hits by [{path}]")
            if path == "_score":
                way = options if isinstance(options, str) else options.get("order", "desc")
                way = "desc" if entry == "_score" else way
                self.sort_columns.append("score")
                self.order.append(f"score {'ASC' if str(way).lower() == 'asc' else 'DESC'}")
                continue
            column = self.source.column(path)
            if column.family == "text":
                raise illegal_argument(f"Text fields are not optimised for sorting: [{path}]")
            descending = str(way).lower() == "desc"
            sql = column.sql
            if column.multi:
                sql = f"list_{'max' if descending else 'min'}({sql})"
            self.sort_columns.append(sql)
            self.order.append(f"{sql} {'DESC' if descending else 'ASC'} NULLS LAST")
        if not self.sort_columns:
            self.order.append("score DESC")
        self.order += ["ix", "rid"]

    @override
    def run(self, relation: str, parents: list[str], rows: Rows) -> Callable[[Key], dict[str, Any]]:
        partition = f"PARTITION BY {', '.join(parents)}" if parents else ""
        chosen = ", ".join(
            [
                *parents, "ix", "rid", f"count(*) OVER ({partition})",
                f"max(score) OVER ({partition})", "score", *self.sort_columns,
            ]
        )  # fmt: skip
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
            hits = self.fetch([(r[0], r[1]) for r in chosen_rows], self.shown)
            scored = not self.sort_columns or bool(self.body.get("track_scores"))
            for hit, row in zip(hits, chosen_rows, strict=True):
                hit["_score"] = float(row[4]) if scored else None
                if self.sort_columns:
                    hit["sort"] = list(row[5:])
            total = chosen_rows[0][2] if chosen_rows else 0
            best = float(chosen_rows[0][3]) if chosen_rows and scored else None
            return {
                "hits": {
                    "total": {"value": total, "relation": "eq"},
                    "max_score": best,
                    "hits": hits,
                }
            }

        return respond
