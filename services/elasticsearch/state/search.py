"""Running a search: the DSL compiled for each index, one statement over all, then the documents."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson

from services.elasticsearch.errors import RequestError, SearchPhaseError, no_field_data
from services.elasticsearch.state.aggs.base import run
from services.elasticsearch.state.aggs.parse import parse_aggregations
from services.elasticsearch.state.aggs.source import AggSource, Part
from services.elasticsearch.state.aggs.top_hits import needs_scores
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.hits import shape_fields
from services.elasticsearch.state.names import Target
from services.elasticsearch.state.query.compile import compile_query
from services.elasticsearch.state.query.context import Parameters, QueryContext
from services.elasticsearch.state.query.statistics import Statistics
from services.elasticsearch.state.request import SearchRequest, check_window
from services.elasticsearch.state.sorting import SortKey, after, key_sql, order_by, shown

Cursor = duckdb.DuckDBPyConnection | None


@dataclass
class _Side:
    """One index of the search: how it is compiled and what its documents have to meet."""

    context: QueryContext
    where: str
    filtered: str  # `where` and the post filter
    score: str


class Searcher:
    """Answers searches and counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, targets: list[Target], query: dict[str, Any]) -> int:
        """Return how many documents meet `query`. Raises RequestError."""
        sides, parameters = self._compile(targets, SearchRequest(query=query), None)
        return self._count(sides, parameters, None)

    def matching_ids(self, target: Target, query: dict[str, Any]) -> list[str]:
        """Return the ids of the documents of one index that meet `query`."""
        sides, parameters = self._compile([target], SearchRequest(query=query), None)
        table = target.index.table
        sql = f"SELECT _id FROM {table} WHERE {sides[0].where} ORDER BY rowid"
        return [row[0] for row in self._rows(sql, parameters, None)]

    def search(
        self, targets: list[Target], request: SearchRequest, snapshot: Cursor = None
    ) -> dict[str, Any]:
        """Return the response body of a search, read on `snapshot` or on one of its own."""
        started = time.monotonic()
        cursor = snapshot or self._database.snapshot()
        try:
            return self._search(targets, request, cursor, started)
        finally:
            if snapshot is None:
                cursor.execute("ROLLBACK")
                cursor.close()

    def _search(
        self, targets: list[Target], request: SearchRequest, cursor: Cursor, started: float
    ) -> dict[str, Any]:
        sides, parameters = self._compile(targets, request, cursor)
        if targets:
            _check(request, sides[0].context)
        keys = request.sort or [SortKey("_score", descending=True)]
        if request.pit and request.sort and keys[-1].path != "_shard_doc":
            keys = [*keys, SortKey("_shard_doc", descending=False)]
        hits: list[dict[str, Any]] = []
        best: float | None = None
        if sides and request.size:
            hits = self._hits(sides, request, keys, parameters, cursor)
            if request.track_scores or (not request.sort and request.start):
                best = self._best(sides, parameters, cursor)
            elif not request.sort and hits:
                best = hits[0]["_score"]
        body: dict[str, Any] = {"took": 0, "timed_out": False, "_shards": shards(len(targets))}
        if request.terminate_after:
            counts = [self._count([side], parameters, cursor) for side in sides]
            body["terminated_early"] = any(n >= request.terminate_after for n in counts)
        found: dict[str, Any] = {}
        if request.total_up_to is not None:
            found["total"] = self._total(sides, request, hits, parameters, cursor)
        found["max_score"] = best
        found["hits"] = hits
        body["hits"] = found
        if request.aggs is not None:
            body["aggregations"] = self._aggregate(sides, request, parameters, cursor)
        body["took"] = int((time.monotonic() - started) * 1000)
        return body

    def _compile(
        self, targets: list[Target], request: SearchRequest, cursor: Cursor
    ) -> tuple[list[_Side], Parameters]:
        parameters, sides, now = Parameters(), [], now_millis()
        scored = not request.sort or any(k.path == "_score" for k in request.sort)
        scored = scored or request.track_scores
        scored = (scored and request.size > 0) or request.min_score is not None
        scored = scored or needs_scores(request.aggs)
        for target in targets:
            index = target.index
            statistics = Statistics(self._database, index, cursor) if scored else None
            context = QueryContext(index, parameters, compile_query, statistics, now)
            try:
                clause = context.compile(request.query)
                where = clause.where
                with context.filtering():
                    if target.filters is not None:
                        either = [f"({context.compile(f).where})" for f in target.filters]
                        where = f"({where}) AND ({' OR '.join(either)})"
                    if request.min_score is not None:
                        where = f"({where}) AND ({clause.score}) >= {request.min_score!r}"
                    if request.terminate_after:
                        where = (
                            f"rowid IN (SELECT rowid FROM {index.table} WHERE {where} "
                            f"LIMIT {request.terminate_after})"
                        )
                    filtered = where
                    if request.post_filter:
                        filtered = f"({where}) AND ({context.compile(request.post_filter).where})"
            except RequestError as error:
                if error.kind in ("parsing_exception", "x_content_parse_exception"):
                    raise
                raise SearchPhaseError(error, index.name) from error
            sides.append(_Side(context, where, filtered, clause.score))
        return sides, parameters

    def _hits(
        self,
        sides: list[_Side],
        request: SearchRequest,
        keys: list[SortKey],
        parameters: Parameters,
        cursor: Cursor,
    ) -> list[dict[str, Any]]:
        selects = []
        for number, side in enumerate(sides):
            try:
                columns = [
                    f"{key_sql(k, side.context, number, side.score)} AS s{n}"
                    for n, k in enumerate(keys)
                ]
            except RequestError as error:
                raise SearchPhaseError(error, side.context.index.name) from error
            selects.append(
                f"SELECT {number} AS ix, rowid AS rid, {', '.join(columns)}, {side.score} AS score "
                f"FROM {side.context.index.table} WHERE {side.filtered}"
            )
        sql = f"SELECT * FROM ({' UNION ALL BY NAME '.join(selects)})"
        if request.search_after is not None:
            behind = after(keys, request.search_after, [s.context for s in sides])
            sql += f" WHERE {behind}"
        sql += f" ORDER BY {order_by(keys)} LIMIT {request.size} OFFSET {request.start}"
        rows = self._rows(sql, parameters, cursor)
        hits = self.fetch(sides, [(r[0], r[1]) for r in rows], request, cursor)
        for hit, row in zip(hits, rows, strict=True):
            scored = request.track_scores or any(k.path == "_score" for k in keys)
            hit["_score"] = float(row[-1]) if scored else None
            if request.sort or request.pit:
                contexts = [side.context for side in sides]
                values = zip(keys, row[2:-1], strict=True)
                hit["sort"] = [_plain(shown(key, value, contexts)) for key, value in values]
        return hits

    def _best(self, sides: list[_Side], parameters: Parameters, cursor: Cursor) -> float | None:
        selects = [
            f"SELECT max({s.score}) AS best FROM {s.context.index.table} WHERE {s.filtered}"
            for s in sides
        ]
        sql = f"SELECT max(best) FROM ({' UNION ALL '.join(selects)})"
        found = self._rows(sql, parameters, cursor)[0][0]
        return None if found is None else float(found)

    def fetch(
        self,
        sides: list[_Side],
        chosen: list[tuple[int, int]],
        request: SearchRequest,
        cursor: Cursor,
    ) -> list[dict[str, Any]]:
        """Return the hits of (index number, row) pairs, in that order."""
        found: dict[tuple[int, int], dict[str, Any]] = {}
        for number in {ix for ix, _ in chosen}:
            side, wanted = sides[number], [rid for ix, rid in chosen if ix == number]
            named = dict(side.context.named)
            parameters = side.context.parameters if named else Parameters()
            tests = "".join(f", ({where}) IS TRUE" for where in named.values())
            sql = (
                f"SELECT rowid, _id, _version, _seq, _routing, _source{tests} "
                f"FROM {side.context.index.table} "
                f"WHERE rowid IN (SELECT unnest({parameters.bind(wanted)}::BIGINT[]))"
            )
            for row in self._rows(sql, parameters, cursor):
                hit = found[number, row[0]] = _hit(side.context, row[:6], request)
                if matched := [n for n, held in zip(named, row[6:], strict=True) if held]:
                    hit["matched_queries"] = matched
        return [found[pair] for pair in chosen]

    def _total(
        self,
        sides: list[_Side],
        request: SearchRequest,
        hits: list[dict[str, Any]],
        parameters: Parameters,
        cursor: Cursor,
    ) -> dict[str, Any]:
        if sides and request.size > len(hits) and not request.start and not request.search_after:
            total = len(hits)
        else:
            total = self._count(sides, parameters, cursor)
        limit = request.total_up_to or 0
        if 0 <= limit < total and not request.scroll:
            return {"value": limit, "relation": "gte"}
        return {"value": total, "relation": "eq"}

    def _count(self, sides: list[_Side], parameters: Parameters, cursor: Cursor) -> int:
        if not sides:
            return 0
        counts = [
            f"(SELECT count(*) FROM {s.context.index.table} WHERE {s.filtered})" for s in sides
        ]
        return int(self._rows(f"SELECT {' + '.join(counts)}", parameters, cursor)[0][0])

    def _aggregate(
        self, sides: list[_Side], request: SearchRequest, parameters: Parameters, cursor: Cursor
    ) -> dict[str, Any]:
        if not sides:
            return {}
        parts = [Part(s.context, s.where, s.score) for s in sides]
        source = AggSource(parts, parameters, sides[0].context.now, typed_keys=request.typed_keys)

        def fetch(chosen: list[tuple[int, int]], wanted: SearchRequest) -> list[dict[str, Any]]:
            return self.fetch(sides, chosen, wanted, cursor)

        try:
            tree = parse_aggregations(request.aggs, source, fetch)
            answer = run(
                tree, source.relation(), [], lambda sql: self._rows(sql, parameters, cursor)
            )
            made: dict[str, Any] = _finite(answer(()))
        except RequestError as error:
            if error.kind == "parsing_exception":
                raise
            raise SearchPhaseError(error, sides[0].context.index.name) from error
        return made

    def _rows(self, sql: str, parameters: Parameters, cursor: Cursor) -> list[tuple[Any, ...]]:
        try:
            return self._database.rows(sql, parameters.values, cursor)
        except duckdb.OutOfMemoryException as error:
            raise RequestError(
                429,
                "circuit_breaking_exception",
                "[parent] Data too large: the search needs more memory than "
                "ELASTICSEARCH_MEMORY_LIMIT; narrow it or raise that setting",
            ) from error


def _hit(context: QueryContext, row: tuple[Any, ...], request: SearchRequest) -> dict[str, Any]:
    _, identifier, version, seq, routing, text = row
    hit: dict[str, Any] = {"_index": context.index.name, "_id": identifier, "_score": None}
    if request.version:
        hit["_version"] = version
    if request.seq_no:
        hit["_seq_no"], hit["_primary_term"] = seq, 1
    if routing is not None:
        hit["_routing"] = routing
    source: dict[str, Any] | None = None
    if request.source.whole and not request.hide_source:
        hit["_source"] = orjson.Fragment(text)
    elif request.source.enabled and not request.hide_source:
        source = orjson.loads(text)
        hit["_source"] = request.source.apply(source)
    if request.fields or request.doc_fields or request.highlight:
        source = source or orjson.loads(text)
        fields = shape_fields(context.index.mapping, source, [*request.fields, *request.doc_fields])
        if fields:
            hit["fields"] = fields
        if request.highlight:
            marked = request.highlight.apply(context, source)
            if marked:
                hit["highlight"] = marked
    return hit


def _check(request: SearchRequest, context: QueryContext) -> None:
    """Refuse what an index (not the parser) refuses. Raises SearchPhaseError."""
    try:
        check_window(request)
        for entry in request.doc_fields:
            name = entry["field"] if isinstance(entry, dict) else entry
            field = context.field(name)
            if field is not None and field.family == "text":
                raise no_field_data(name)
    except RequestError as error:
        raise SearchPhaseError(error, context.index.name) from error


def shards(count: int) -> dict[str, int]:
    """Return `_shards` of an answer from `count` indices of one shard each."""
    return {"total": count, "successful": count, "skipped": 0, "failed": 0}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return _plain(value)
