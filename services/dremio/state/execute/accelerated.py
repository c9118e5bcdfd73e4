"""Runs a query on reflections where they answer it, else as it is written."""

from __future__ import annotations

import duckdb
from sqlglot import exp

from services.dremio.sql.resolve import resolve
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.execute.run import Run


def run_accelerated(run: Run, tree: exp.Expression, prefix: str = "") -> duckdb.DuckDBPyConnection:
    """Run a query (its tree is consumed), after `prefix`. Raises DremioError."""
    resolved = resolve(tree, run.session.context, run)
    moved = run.core.reflections.accelerate(run, resolved)
    if moved is not None:
        try:
            return run.execute(prefix + run.translate(moved))
        except DremioError as error:
            if error.kind is ErrorKind.CANCELED:
                raise
            run.core.reflections.gave_up(run, error)
    return run.execute(prefix + run.translate(resolved))


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
