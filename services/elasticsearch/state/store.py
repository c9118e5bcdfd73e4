"""The log store: all its parts put together, and reading single documents."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, illegal_argument, index_not_found
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.cursors import Cursors
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.dated import dated
from services.elasticsearch.state.documents.operations import Operation
from services.elasticsearch.state.documents.write import Writer
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.keys import Keys
from services.elasticsearch.state.names import Options, Target, resolve, write_target
from services.elasticsearch.state.retention import Retention
from services.elasticsearch.state.rollover import Rollover
from services.elasticsearch.state.search import Searcher
from services.elasticsearch.state.streams import Streams
from services.elasticsearch.state.tasks import Tasks
from services.elasticsearch.state.templates import add_missing, matching


class Store:
    """One log store in `folder`."""

    def __init__(
        self, folder: Path, *, password: str, memory_limit: str = "128MB", threads: int = 2
    ) -> None:
        self.database = Database(
            folder / "store.duckdb", memory_limit=memory_limit, threads=threads
        )
        self.catalog = Catalog(self.database)
        self.indices = Indices(self.database, self.catalog)
        self.streams = Streams(self.catalog, self.indices)
        self.rollover = Rollover(
            self.catalog,
            self.indices,
            self.streams,
            self.documents,
            lambda index: self.sizes().get(index.table, (0, 0))[1],
        )
        self.retention = Retention(self.catalog, self.indices, self.streams, self.rollover)
        self.writer = Writer(self.database, self.indices, self._write_target)
        self.searcher = Searcher(self.database)
        self.cursors = Cursors(self.database)
        self.keys = Keys(self.catalog, password)
        self.tasks = Tasks()
        self.flushes: Counter[str] = Counter()  # by index, since the start
        add_missing(self.catalog)

    def close(self) -> None:
        """End the tasks; close the snapshots and the database."""
        self.tasks.close()
        self.cursors.close(None)
        self.database.close()

    def resolve(self, expression: str | None, options: Options | None = None) -> list[Target]:
        """Return the indices that an expression names. Raises index_not_found_exception."""
        return resolve(self.catalog, expression, options or Options())

    def names(self, expression: str | None, options: Options | None = None) -> list[Index]:
        """Return the indices that an expression names, without aliases' filters."""
        return [target.index for target in self.resolve(expression, options)]

    def _write_target(self, operation: Operation) -> Index:
        name = operation.target = dated(operation.target)
        found = write_target(self.catalog, name)
        if operation.action != "create" and self.catalog.thing("data_stream", name):
            raise _only_create()
        if found is not None:
            if operation.require_alias and name in self.catalog.indices:
                raise index_not_found(name)
            if str(found.settings.get("blocks.write", "false")) == "true":
                raise RequestError(
                    403,
                    "cluster_block_exception",
                    f"index [{found.name}] blocked by: [FORBIDDEN/8/index write (api)];",
                )
            return found
        if operation.require_alias or operation.action == "delete":
            raise index_not_found(name)
        template = matching(self.catalog, name)
        if template is not None and "data_stream" in template[1]:
            if operation.action != "create":
                raise _only_create()
            self.streams.create(name)
            created = write_target(self.catalog, name)
            if created is not None:
                return created
        return self.indices.create(name, {})

    def get(self, name: str, identifier: str) -> dict[str, Any] | None:
        """Return a document with `_source` as text, None when there is none.

        Raises index_not_found_exception.
        """
        for index in self.names(name):
            rows = self.database.rows(
                f"SELECT _version, _seq, _routing, _source FROM {index.table} WHERE _id = $p1",
                {"p1": identifier},
            )
            if rows:
                version, seq, routing, text = rows[0]
                made = {
                    "_index": index.name,
                    "_id": identifier,
                    "_version": version,
                    "_seq_no": seq,
                    "_primary_term": 1,
                    "found": True,
                    "_source": orjson.Fragment(text),
                    "text": text,
                }
                if routing is not None:
                    made["_routing"] = routing
                return made
        return None

    def documents(self, index: Index) -> int:
        """Return the number of documents of an index."""
        return int(self.database.rows(f"SELECT count(*) FROM {index.table}")[0][0])

    def newest(self, name: str) -> int:
        """Return the latest `@timestamp` of an index in milliseconds (0: it has none)."""
        index = self.catalog.index(name)
        column = index.mapping.fields["@timestamp"].column
        return int(self.database.rows(f"SELECT max({column}) FROM {index.table}")[0][0] or 0)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return table → (documents, bytes, estimated by the share of the file's blocks)."""
        rows = self.database.rows(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE table_name LIKE 'docs_%'"
        )
        total = sum(row[1] for row in rows)
        size = self.database.size()
        return {name: (count, size * count // total if total else 0) for name, count in rows}


def _only_create() -> RequestError:
    return illegal_argument("only write ops with an op_type of create are allowed in data streams")
