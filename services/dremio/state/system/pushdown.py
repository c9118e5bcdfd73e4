"""Which conditions of a query on a system table can choose names before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.translate import to_duckdb
from services.dremio.state.errors import DremioError

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run


def keep(run: Run, table: exp.Table, rows: pa.Table) -> pa.Table:
    """Return the rows that the conditions on these columns alone let through.

    Only conditions joined by AND in the WHERE of the SELECT whose single table it is count;
    every row is kept where that cannot be told. The query itself filters again.
    """
    conditions = _conditions(table, {name.lower() for name in rows.column_names})
    if not conditions or rows.num_rows == 0:
        return rows
    name = "_names"
    query = exp.select("*").from_(exp.Table(this=exp.to_identifier(name, quoted=True)))
    for condition in conditions:
        query = query.where(condition)
    cursor = run.cursor.cursor()
    try:
        cursor.register(name, rows)
        result: pa.Table = cursor.execute(to_duckdb(query)).to_arrow_table()
        return result
    except (DremioError, Exception):  # noqa: BLE001 - then the query itself says what is wrong
        return rows
    finally:
        cursor.close()


def _conditions(table: exp.Table, columns: Collection[str]) -> list[exp.Expr]:
    from_ = table.parent
    select = from_.parent if isinstance(from_, exp.From) else None
    if not isinstance(select, exp.Select) or select.args.get("joins"):
        return []
    where = select.args.get("where")
    if where is None:
        return []
    condition = where.this
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    return [_bare(part) for part in parts if _only(part, columns)]


def _only(condition: exp.Expr, columns: Collection[str]) -> bool:
    if condition.find(exp.Query) is not None:
        return False
    used = list(condition.find_all(exp.Column))
    return bool(used) and all(column.name.lower() in columns for column in used)


def _bare(condition: exp.Expr) -> exp.Expr:
    bare = condition.copy()
    for column in list(bare.find_all(exp.Column)):
        if column is not bare:
            column.replace(exp.column(column.name))
    return bare
