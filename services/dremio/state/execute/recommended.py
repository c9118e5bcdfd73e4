"""`TABLE(SYS.RECOMMEND_REFLECTIONS(ARRAY['<job>', …]))`: reflections that would have paid."""

from __future__ import annotations

import pyarrow as pa
from sqlglot import exp

from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute.run import Run
from services.dremio.state.reflections.definition import RAW, Reflection

RECOMMEND = ("sys", "recommend_reflections")
_COLUMNS = pa.schema(
    [
        ("view_sql", pa.string()),
        ("reflection_sql", pa.string()),
        ("job_ids", pa.list_(pa.string())),
        ("reflection_score", pa.float64()),
        ("average_improvement_factor", pa.float64()),
        ("average_improvement_ms", pa.float64()),
    ]
)


def recommended(run: Run, call: exp.Expression) -> pa.Table:
    """Return the function's rows. Raises DremioError."""
    from services.dremio.state.reflections.recommend import jobs_of, recommend

    array = call.find(exp.Array)
    items = array.expressions if array is not None else []
    if not items or not all(isinstance(i, exp.Literal) and i.is_string for i in items):
        raise validation("SYS.RECOMMEND_REFLECTIONS takes an array of job ids: ARRAY['…', '…']")
    jobs = jobs_of(run.core, run.session.user, [item.name for item in items])
    rows = [
        {
            "view_sql": "",  # the reflection is on a table or view that is there
            "reflection_sql": statement_of(each.reflection),
            "job_ids": list(each.jobs),
            "reflection_score": each.score,
            "average_improvement_factor": each.factor,
            "average_improvement_ms": each.saved_ms,
        }
        for each in recommend(run.core, jobs)
    ]
    return pa.Table.from_pylist(rows, schema=_COLUMNS)


def statement_of(reflection: Reflection) -> str:
    """Return the statement that defines a reflection."""
    dataset = ".".join(quoted(part) for part in reflection.dataset)
    kind = "RAW" if reflection.kind == RAW else "AGGREGATE"
    text = f"ALTER DATASET {dataset} CREATE {kind} REFLECTION {quoted(reflection.name)} USING"
    if reflection.kind == RAW:
        text += f" DISPLAY ({', '.join(map(quoted, reflection.display))})"
    if reflection.dimensions:
        names = (quoted(d.name) + (" BY DAY" if d.date else "") for d in reflection.dimensions)
        text += f" DIMENSIONS ({', '.join(names)})"
    if reflection.measures:
        kept = (f"{quoted(m.name)} ({', '.join(m.kinds)})" for m in reflection.measures)
        text += f" MEASURES ({', '.join(kept)})"
    if reflection.sort:
        text += f" LOCALSORT BY ({', '.join(map(quoted, reflection.sort))})"
    return text
