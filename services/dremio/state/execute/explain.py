"""EXPLAIN PLAN FOR: DuckDB's plan in the shape of Dremio's, one numbered line for each operator."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from services.dremio.sql.statements import Explain, Modify, Query
from services.dremio.state.errors import unsupported
from services.dremio.state.execute.accelerated import run_accelerated, told
from services.dremio.state.execute.modify import writable
from services.dremio.state.execute.run import Result, Run, rows

EXPLAIN_SCHEMA = pa.schema([("text", pa.string()), ("json", pa.string())])
# DuckDB's operators → Dremio's (the physical rels of its planner).
_NAMES = {
    "PROJECTION": "Project",
    "FILTER": "Filter",
    "HASH_GROUP_BY": "HashAgg",
    "PERFECT_HASH_GROUP_BY": "HashAgg",
    "PARTITIONED_AGGREGATE": "HashAgg",
    "UNGROUPED_AGGREGATE": "StreamAgg",
    "SIMPLE_AGGREGATE": "StreamAgg",
    "HASH_JOIN": "HashJoin",
    "NESTED_LOOP_JOIN": "NestedLoopJoin",
    "BLOCKWISE_NL_JOIN": "NestedLoopJoin",
    "CROSS_PRODUCT": "NestedLoopJoin",
    "ORDER_BY": "Sort",
    "TOP_N": "TopN",
    "LIMIT": "Limit",
    "STREAMING_LIMIT": "Limit",
    "UNION": "UnionAll",
    "WINDOW": "Window",
    "STREAMING_WINDOW": "Window",
    "UNNEST": "Flatten",
    "DUMMY_SCAN": "Values",
    "COLUMN_DATA_SCAN": "Values",
    "EMPTY_RESULT": "Empty",
    "TABLE_SCAN": "TableFunction",
    "SEQ_SCAN": "TableFunction",
    "INSERT": "WriterCommitter",
}
_ENGINES_OWN = ("EXPLAIN", "EXPLAIN_ANALYZE", "RESULT_COLLECTOR")


def explain(run: Run, statement: Explain) -> Result:
    """Return the plan of a query or DML, as text and as JSON. Raises DremioError."""
    inner = statement.inner
    if isinstance(inner, Query):
        shown = run_accelerated(run, inner.tree, prefix="EXPLAIN (FORMAT json) ").fetchall()
    elif isinstance(inner, Modify):
        writable(run, inner.path)
        shown = run.execute("EXPLAIN (FORMAT json) " + run.sql(inner.tree)).fetchall()
    else:
        raise unsupported("EXPLAIN PLAN FOR takes a query or DML")
    plan = json.loads(shown[0][1])
    text = "\n".join(lines(plan)) + told(run)
    return rows(EXPLAIN_SCHEMA, [{"text": text, "json": json.dumps(_numbered(plan), indent=2)}])


def lines(plan: list[dict[str, Any]]) -> list[str]:
    """Return the plan's lines: `00-01      Project(…)`, children two spaces further in."""
    found = ["00-00    Screen"]

    def walk(node: dict[str, Any], depth: int) -> None:
        if node["name"].strip() in _ENGINES_OWN:
            for child in node["children"]:
                walk(child, depth)
            return
        number = f"00-{len(found):02d}"
        found.append(f"{number}{' ' * (4 + 2 * depth)}{_name(node)}({_details(node)})")
        for child in node["children"]:
            walk(child, depth + 1)

    for root in plan:
        walk(root, 1)
    return found


def _numbered(plan: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the plan as Dremio's JSON: operators by their numbers, with their inputs."""
    found: dict[str, Any] = {}

    def walk(node: dict[str, Any]) -> list[str]:
        if node["name"].strip() in _ENGINES_OWN:
            return [number for child in node["children"] for number in walk(child)]
        number = f"00-{len(found) + 1:02d}"
        entry: dict[str, Any] = {"op": _name(node), "values": node.get("extra_info") or {}}
        found[number] = entry
        entry["inputs"] = [n for child in node["children"] for n in walk(child)]
        return [number]

    inputs = [number for root in plan for number in walk(root)]
    return {"00-00": {"op": "Screen", "values": {}, "inputs": inputs}, **found}


def _name(node: dict[str, Any]) -> str:
    name = str(node["name"]).strip()
    return _NAMES.get(name, name.title().replace("_", ""))


def _details(node: dict[str, Any]) -> str:
    parts = []
    for name, value in (node.get("extra_info") or {}).items():
        shown = ", ".join(value) if isinstance(value, list) else str(value)
        if shown:
            parts.append(f"{name.lower()}=[{' '.join(shown.split())}]")
    return ", ".join(parts)
