"""Reading one table: what to select, in which snapshot, and the state after it."""

from __future__ import annotations

from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.choosing import choose
from services.airbyte.cdk.columns import in_calendar, literal, quote
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.postgres import cursor as cursors
from services.airbyte.sources.postgres import xmin
from services.airbyte.sources.postgres.cursor import Position, Snapshot
from services.airbyte.sources.postgres.tables import SourceColumn, SourceTable

Json = dict[str, Any]

_SOURCE = "lakelet_source"
_ODD = "__lakelet_odd_"


class TableReader:
    """Reads one table through DuckDB's scanner, all of it in one repeatable-read transaction.

    `snapshot` is the name of an exported snapshot to read in; `only` is PostgreSQL's condition on
    the rows that a full refresh reads.
    """

    def __init__(
        self,
        target: str,
        table: SourceTable,
        stream: ConfiguredStream,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        snapshot: str | None = None,
        only: str | None = None,
    ) -> None:
        self._table, self._stream, self._duck, self._env = table, stream, duck, env
        self._relation_name = f"{quote(table.schema)}.{quote(table.name)}"
        self._columns = choose(table.columns, stream, env)
        self._state: Json | None = None
        self._only = only
        # Importing a snapshot is a statement, which a READ_ONLY attachment does not let through.
        mode = "" if snapshot else ", READ_ONLY"
        duck.execute(f"ATTACH {literal(target)} AS {_SOURCE} (TYPE postgres{mode})")
        duck.execute("BEGIN")
        if snapshot:
            statement = f"SET TRANSACTION SNAPSHOT {literal(snapshot)}"
            duck.execute(f"CALL postgres_execute('{_SOURCE}', {literal(statement)})")

    def close(self) -> None:
        """End the transaction and leave the source."""
        for statement in ("ROLLBACK", f"DETACH {_SOURCE}"):
            try:
                self._duck.execute(statement)
            except duckdb.Error:  # the connection broke: there is nothing to end
                self._env.log(f"{statement} was not possible any more")

    def start(self, state: Json | None) -> Reading:
        """Fix the snapshot and say what to read."""
        condition = self._only
        if self._stream.incremental:
            by_cursor = self._stream.cursor_field is not None
            condition = self._position(state) if by_cursor else self._position_by_xmin(state)
        direct = condition is None and not any(c.mapping.as_text for c in self._columns)
        unsure = [c for c in self._columns if c.mapping.odd]
        tests = {
            c.name: f"NOT {in_calendar(quote(c.name), c.mapping.type)}"
            for c in self._columns
            if c.mapping.infinite
        }
        has_odd = bool(unsure) and (not direct or self._any_odd(unsure))
        if direct and not has_odd:
            names = ", ".join(quote(c.name) for c in self._columns)
            relation = f"(SELECT {names} FROM {_SOURCE}.{self._relation_name})"
        else:
            relation = self._query_relation(condition)
            for column in unsure:
                odd, other = quote(_ODD + column.name), tests.get(column.name)
                tests[column.name] = f"({odd} OR coalesce({other}, false))" if other else odd
        rows, size = self._size() if condition is None or state is None else (None, None)
        return Reading(
            columns=tuple(c.column for c in self._columns),
            relation=relation,
            state=lambda: self._state,
            unique_key=bool(self._table.primary_key)
            and set(self._stream.primary_key) == set(self._table.primary_key),
            nulled={n: (test, "SOURCE_FIELD_SIZE_LIMITATION") for n, test in tests.items()},
            estimated_rows=rows,
            estimated_bytes=size,
        )

    def _size(self) -> tuple[int | None, int | None]:
        """Rows and bytes PostgreSQL believes the table has; none where it was never analyzed."""
        found = self._query(
            "SELECT greatest(reltuples, 0)::bigint AS n, pg_table_size(oid)::bigint AS size"
            f" FROM pg_class WHERE oid = {literal(self._relation_name)}::regclass"
        )
        if not found["n"]:
            return None, None
        return int(found["n"]), int(found["size"])

    def _query(self, query: str) -> Json:
        cursor = self._duck.execute(f"FROM postgres_query('{_SOURCE}', {literal(query)})")
        names = [item[0] for item in cursor.description or ()]
        row = cursor.fetchone()
        return dict(zip(names, row or (), strict=True))

    def _any_odd(self, unsure: list[SourceColumn]) -> bool:
        tests = " OR ".join(str(c.mapping.odd).format(quote(c.name)) for c in unsure)
        found = self._query(
            f"SELECT EXISTS(SELECT 1 FROM {self._relation_name} WHERE {tests}) AS x"
        )
        return bool(found["x"])

    def _query_relation(self, condition: str | None) -> str:
        relation = f"postgres_query('{_SOURCE}', {literal(self._select(condition))})"
        unhex = [
            f"list_transform({name}, lambda x: unhex(substr(x, 3))) AS {name}"
            for c in self._columns
            if c.type_name == "_bytea" and c.mapping.cast and (name := quote(c.name))
        ]
        if not unhex:
            return relation
        return f"(SELECT * REPLACE ({', '.join(unhex)}) FROM {relation})"

    def _select(self, condition: str | None) -> str:
        parts = []
        for column in self._columns:
            name, mapping = quote(column.name), column.mapping
            if mapping.as_text:
                parts.append(f"{_text(name, column.type_name)} AS {name}")
            elif mapping.odd:
                odd = f"coalesce({mapping.odd.format(name)}, false)"
                kind = mapping.cast or (
                    str(mapping.type).replace("decimal", "numeric") if mapping.numeric else None
                )
                value = f"CASE WHEN NOT {odd} THEN {name} END"
                # The cast comes last: of CASE's own type the precision is not known.
                parts.append(f"{f'({value})::{kind}' if kind else value} AS {name}")
                parts.append(f"{odd} AS {quote(_ODD + column.name)}")
            else:
                parts.append(name)
        where = f" WHERE {condition}" if condition else ""
        return f"SELECT {', '.join(parts)} FROM {self._relation_name}{where}"

    def _position(self, state: Json | None) -> str | None:
        """Note where this sync will end, and return the condition on where it begins."""
        stream, table = self._stream, self._table
        field = stream.cursor_field or ""
        kind = next((c.type_name for c in table.columns if c.name == field), None)
        if kind is None or not any(c.name == field and c.can_be_cursor for c in table.columns):
            raise config_error(
                f"stream {stream.name!r}: column {field!r} ({kind}) cannot be a cursor; choose one"
                " whose values grow, such as an updated_at"
            )
        top = self._query(
            f"SELECT {cursors.highest(field, kind)} AS top,"
            f" txid_current_snapshot()::text AS snapshot, {cursors.LATE_QUERY} AS late,"
            f" pg_relation_filenode({literal(self._relation_name)}::regclass)::bigint AS file"
            f" FROM {self._relation_name}"
        )
        if endless := cursors.below_endless(field, kind, top["top"]):
            top |= self._query(
                f"SELECT {cursors.highest(field, kind)} AS top FROM {self._relation_name}"
                f" WHERE {endless}"
            )
        now = Snapshot.parse(top["snapshot"]) if table.has_xmin else None
        position = Position.from_state(state, field)
        if state and position is None:
            self._env.log(f"{stream.name}: the cursor field has changed, reading from the start")
        condition = None
        if position is not None and position.file != top["file"] and position.snapshot:
            self._env.log(f"{stream.name}: the table was rewritten, going by the cursor alone")
            position = position.without_snapshot()
        if position is not None:
            position = self._with_airbytes_rule(position, field, kind, now)
            condition = cursors.condition(position, now, field, kind)
        self._note_end(top, now, field, kind, position)
        return condition

    def _position_by_xmin(self, state: Json | None) -> str | None:
        if not self._table.has_xmin:
            raise config_error(
                f"stream {self._stream.name!r} is no table: method Xmin reads it with full_refresh"
            )
        top = self._query(
            "SELECT txid_current_snapshot()::text AS snapshot,"
            f" pg_relation_filenode({literal(self._relation_name)}::regclass)::bigint AS file"
        )
        now = Snapshot.parse(top["snapshot"])
        mark: Json = {"value": top["snapshot"], "file": top["file"]}
        if now.running:
            mark["seen"] = self._seen(now)
        self._state = xmin.to_state(now, mark)
        position = xmin.position_of(state)
        if position is not None and position.file != top["file"]:
            self._env.log(f"{self._stream.name}: the table was rewritten, reading all of it")
            position = None
        return cursors.condition(position, now, "", "") if position else None

    def _count(self, field: str, kind: str, value: str | None) -> int:
        if value is None:
            return 0
        found = self._query(
            f"SELECT count(*) AS n FROM {self._relation_name}"
            f" WHERE {quote(field)} = {literal(value)}::{kind}"
        )
        return int(found["n"])

    def _with_airbytes_rule(
        self, position: Position, field: str, kind: str, now: Snapshot | None
    ) -> Position:
        """Without transaction ids: a negative count says that rows came to the last value."""
        if now is not None and position.snapshot is not None:
            return position
        if position.count > 0 and self._count(field, kind, position.cursor) != position.count:
            return Position(position.cursor, -1, position.snapshot, position.seen, position.late)
        return position

    def _note_end(
        self, top: Json, now: Snapshot | None, field: str, kind: str, before: Position | None
    ) -> None:
        end = top["top"] if top["top"] is not None else (before.cursor if before else None)
        mark = None
        if now is not None:
            mark = {"value": top["snapshot"], "late": bool(top["late"]), "file": top["file"]}
            if now.running:
                seen = self._seen(now)
                if seen is None:
                    self._env.log(
                        f"{self._stream.name}: a transaction runs for long, rows it writes within"
                        " savepoints may be missed; end it, or use a primary key and CDC"
                    )
                mark["seen"] = seen
        self._state = cursors.to_state(
            self._stream.name,
            self._stream.namespace,
            field,
            end,
            self._count(field, kind, end) if now is None else 0,
            mark,
        )

    def _seen(self, now: Snapshot) -> list[int] | None:
        rows = self._duck.execute(
            f"FROM postgres_query('{_SOURCE}', {{}})".format(
                literal(
                    f"SELECT DISTINCT x FROM (SELECT {now.row_xid()} AS x"
                    f" FROM {self._relation_name}) AS q WHERE x >= {now.xmin}"
                    f" LIMIT {cursors.MAX_SEEN + 1}"
                )
            )
        ).fetchall()
        return [int(row[0]) for row in rows] if len(rows) <= cursors.MAX_SEEN else None


def _text(name: str, type_name: str) -> str:
    """SQL of a value as PostgreSQL prints it, which is how the log has it.

    What a cast to text gives is another thing for XML (with its declaration) and for types with a
    cast of their own.
    """
    if "." not in type_name and type_name != "xml":
        return f"{name}::text"
    return f"CASE WHEN num_nonnulls({name}) = 1 THEN concat({name}) END"
