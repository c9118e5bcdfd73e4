"""What a build learns about its view's joins: the columns of each table, and which add no rows.

Dremio's documentation calls such joins non-duplicating: a reflection on the view also answers
queries that leave them out.
"""

from __future__ import annotations

import duckdb
from sqlglot import exp

from services.dremio.sql.reflections.joins import Joined, joined, owner
from services.dremio.sql.reflections.match import NoMatchError
from services.dremio.sql.translate import to_duckdb
from services.dremio.state.catalog.entities import key
from services.dremio.state.reflections.dataset import DATASET, Dataset, pin, tables_in

Columns = dict[str, tuple[str, ...]]


def join_of(cursor: duckdb.DuckDBPyConnection, dataset: Dataset) -> tuple[Columns, tuple[str, ...]]:
    """Return the columns of the items that a view joins, and those that may be left out.

    Nothing for a dataset that is no plain join of tables and views.
    """
    body = _body(dataset)
    if body is None:
        return {}, ()
    try:
        parts = joined(body)
    except NoMatchError:
        return {}, ()
    if len(parts.items) < 2 or any(DATASET not in (i._meta or {}) for i in parts.items.values()):
        return {}, ()
    columns: Columns = {}
    for alias, item in parts.items.items():
        found = cursor.sql(to_duckdb(exp.select("*").from_(item.copy()))).columns
        columns[alias] = tuple(name.lower() for name in found)
    return columns, _Removable(cursor, dataset, body, parts, columns).found()


def _body(dataset: Dataset) -> exp.Select | None:
    """Return the query of a dataset that is a view that joins."""
    source = dataset.tree.args["from_"].this
    body = source.this if isinstance(source, exp.Subquery) else None
    if not isinstance(body, exp.Select):
        return None
    plain = {"expressions", "from_", "joins", "where"}
    if any(value for name, value in body.args.items() if name not in plain):
        return None
    return body if body.args.get("joins") else None


class _Removable:
    """Tells the items of which each row of the others finds exactly one row.

    Each must be joined on columns that are unique in it, so that no row of the others is repeated;
    then none is dropped either if there are as many rows without them as with them.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        dataset: Dataset,
        body: exp.Select,
        parts: Joined,
        columns: Columns,
    ) -> None:
        self.cursor, self.dataset, self.body, self.parts = cursor, dataset, body, parts
        self.columns = {alias: frozenset(names) for alias, names in columns.items()}

    def found(self) -> tuple[str, ...]:
        conditions = [*self.parts.conditions, *(c for _, _, own in self.parts.steps for c in own)]
        out: list[str] = []
        for alias in reversed(list(self.parts.items)[1:]):
            keys = _joined_on(alias, conditions, self.columns, set(out))
            if keys and self._is_unique(self.parts.items[alias], keys):
                out.append(alias)
        if not out:
            return ()
        whole = self.body.copy()
        whole.set("expressions", [exp.alias_(exp.Literal.number(1), "row")])
        rest = whole.copy()
        try:
            _leave_out(rest, frozenset(out), self.columns)
        except NoMatchError:
            return ()
        return tuple(out) if self._count(whole) == self._count(rest) else ()

    def _is_unique(self, item: exp.Expr, keys: list[str]) -> bool:
        names = [exp.column(name, quoted=True) for name in dict.fromkeys(keys)]
        query = exp.select(*names).from_(item.copy())
        for name in names:
            query = query.where(name.copy().is_(exp.null()).not_())
        return self._count(query) == self._count(query.copy().distinct())

    def _count(self, query: exp.Select) -> int:
        """Count a query's rows as of the states that the build read."""
        holder = exp.Paren(this=query.copy())
        for table in tables_in(holder):
            pin(table, self.dataset.tables[key(table.meta[DATASET])].source.snapshot)
        rows = to_duckdb(holder.this)
        found = self.cursor.execute(f"SELECT COUNT(*) FROM ({rows})").fetchone()  # noqa: S608
        return int(found[0]) if found else 0


def _joined_on(
    alias: str, conditions: list[exp.Expr], columns: dict[str, frozenset[str]], gone: set[str]
) -> list[str]:
    """Return the columns of an item that equal something of the items before it."""
    keys: list[str] = []
    for condition in conditions:
        if not isinstance(condition, exp.EQ):
            continue
        for mine, other in (
            (condition.this, condition.expression),
            (condition.expression, condition.this),
        ):
            try:
                if not isinstance(mine, exp.Column) or owner(mine, columns) != alias:
                    continue
                others = {owner(c, columns) for c in other.find_all(exp.Column)}
            except NoMatchError:
                continue
            if others and alias not in others and not others & gone:
                keys.append(mine.name)
    return keys


def _leave_out(query: exp.Select, gone: frozenset[str], columns: dict[str, frozenset[str]]) -> None:
    """Remove items and the conditions that speak of them from a query, in place."""

    def kept(condition: exp.Expr | None) -> exp.Expr | None:
        parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
        left = [
            part.copy()
            for part in parts
            if part is not None
            and not {owner(c, columns) for c in part.find_all(exp.Column)} & gone
        ]
        return exp.and_(*left) if left else None

    joins = []
    for join in query.args["joins"]:
        if join.this.alias_or_name.lower() in gone:
            continue
        on = join.args.get("on")
        left = kept(on)
        if join.side and on is not None and (left is None or left.sql() != exp.and_(on).sql()):
            raise NoMatchError("an outer join goes through a table that is left out")
        join.set("on", left)
        if left is None:
            join.set("kind", "CROSS")
        joins.append(join)
    query.set("joins", joins)
    where = query.args.get("where")
    left = kept(where.this) if where is not None else None
    query.set("where", exp.Where(this=left) if left is not None else None)
