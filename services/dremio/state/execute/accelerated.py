"""Runs a query on reflections where they answer it, else as it is written."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.resolve import resolve
from services.dremio.state import types
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.run import Run
from services.dremio.state.reflections.plans import Versions, versions


def run_accelerated(run: Run, tree: exp.Expression, prefix: str = "") -> duckdb.DuckDBPyConnection:
    """Run a query (its tree is consumed), after `prefix`. Raises DremioError."""
    before = versions(run)
    return run_resolved(run, resolve(tree, run.session.context, run), before, prefix)


def run_resolved(
    run: Run, resolved: exp.Expression, before: Versions, prefix: str = "", written: str = ""
) -> duckdb.DuckDBPyConnection:
    """Run a query whose names are resolved, after `prefix`. Raises DremioError.

    `before`: what plans depend on, read before the names were looked up. `written`: its SQL
    without reflections, where that is at hand.
    """
    moved = run.core.reflections.accelerate(run, resolved)
    if moved is not None:
        try:
            sql = run.translate(moved)
            cursor = run.execute(prefix + sql)
            if not prefix:
                run.core.reflections.plans.keep(
                    run, before, resolved, moved, sql, schema_of(cursor)
                )
            return cursor
        except DremioError as error:
            if error.kind is ErrorKind.CANCELED:
                raise
            run.core.reflections.gave_up(run, error)
    return run.execute(prefix + (written or run.translate(resolved)))


def run_again(run: Run) -> tuple[duckdb.DuckDBPyConnection, pa.Schema] | None:
    """Run a query whose plan was kept; None when it must be planned. Raises DremioError.

    It runs while the storage is asked whether the tables are as they were; if not, what came out
    is thrown away.
    """
    reflections = run.core.reflections
    found = reflections.plans.ask(run)
    if found is None:
        return None
    kept, is_right = found
    cursor: duckdb.DuckDBPyConnection | None = None
    try:
        cursor = run.execute(kept.sql)
    except DremioError as error:
        if error.kind is ErrorKind.CANCELED:
            raise
        reflections.plans.forget(run)
    finally:
        right = is_right()
    if cursor is None or not right:
        return None
    reflections.again(run, kept)
    return cursor, kept.schema


def schema_of(cursor: duckdb.DuckDBPyConnection) -> pa.Schema:
    """Return the schema of what a cursor is about to give."""
    return pa.schema(
        [(column[0], types.from_duckdb(column[1])) for column in cursor.description or []]
    )


def told(run: Run) -> str:
    """Return what EXPLAIN says of the reflections: which were considered, and what became of it."""
    plan = run.acceleration
    if plan is None or not plan.entries:
        return ""
    lines = ["", "Reflections:"]
    for entry in sorted(plan.entries.values(), key=lambda e: str(e["reflectionName"])):
        name = ".".join([*entry["dataset"], entry["reflectionName"]])
        lines.append(
            f"  {entry['relationship']}: {name} ({entry['reflectionType']}): "
            + (entry["reason"] or "not needed")
        )
    return "\n".join(lines)
