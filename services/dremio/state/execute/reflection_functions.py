"""`TABLE(sys.reflection_lineage('id'))` and `TABLE(sys.reflection_refresh_settings('id'))`.

Source: Dremio's SQL reference, "Table Functions".
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.state.errors import not_found, validation
from services.dremio.state.execute.run import Run
from services.dremio.state.reflections.definition import Reflection
from services.dremio.state.reflections.report import dotted

_TEXT = pa.string()
_LINEAGE = pa.schema(
    [
        ("batch_number", pa.int32()),
        ("reflection_id", _TEXT),
        ("reflection_name", _TEXT),
        ("dataset_name", _TEXT),
    ]
)
_SETTINGS = pa.schema(
    [
        ("table_type", _TEXT),
        ("table_path", _TEXT),
        ("table_version_context", _TEXT),
        ("overrides_source", pa.bool_()),
        ("refresh_method", _TEXT),
        ("refresh_policy", _TEXT),
        ("refresh_period_seconds", pa.float64()),
        ("refresh_schedule", _TEXT),
        ("never_expire", pa.bool_()),
        ("expire_after_seconds", pa.float64()),
    ]
)
_POLICIES = {"CHANGE": "LIVE_REFRESH", "NEVER": "NEVER_REFRESH"}


def reflection_rows(run: Run, name: str, call: exp.Expression) -> pa.Table:
    """Return the rows of one of the functions. Raises DremioError."""
    function = call.find(exp.Anonymous)
    arguments = function.expressions if function is not None else []
    if len(arguments) != 1 or not (
        isinstance(arguments[0], exp.Literal) and arguments[0].is_string
    ):
        raise validation(f"SYS.{name.upper()} takes a reflection's id: '…'")
    reflection = _seen(run, arguments[0].name)
    make, schema = REFLECTION_FUNCTIONS[name]
    return pa.Table.from_pylist(make(run, reflection), schema=schema)


def _seen(run: Run, reflection_id: str) -> Reflection:
    """Return a reflection that the user may view. Raises DremioError (NOT_FOUND)."""
    for each in run.core.reflections.all():
        may = run.actor.may_any(("VIEW_REFLECTION", "ALTER_REFLECTION"), each.dataset)
        if each.id == reflection_id and may:
            return each
    raise not_found(f"Reflection [{reflection_id}] not found")


def _lineage(run: Run, reflection: Reflection) -> list[dict[str, Any]]:
    """What is refreshed together: here none stands on others, so each is refreshed alone."""
    return [
        {
            "batch_number": 0,
            "reflection_id": reflection.id,
            "reflection_name": reflection.name,
            "dataset_name": dotted(reflection.dataset),
        }
    ]


def _settings(run: Run, reflection: Reflection) -> list[dict[str, Any]]:
    """A row for each table it is made of; the settings are the reflection's own."""
    built = run.core.reflections.built(reflection.id)
    policy = reflection.policy
    paths = [s.path for s in built.contents.sources] if built is not None else [reflection.dataset]
    return [
        {
            "table_type": "DATASET",
            "table_path": dotted(path),
            "table_version_context": None,
            "overrides_source": False,
            "refresh_method": built.method if built is not None else "AUTO",
            "refresh_policy": _POLICIES.get(policy.method, policy.method),
            "refresh_period_seconds": policy.period if policy.method == "PERIOD" else None,
            "refresh_schedule": policy.cron if policy.method == "SCHEDULE" else None,
            "never_expire": not policy.expires,
            "expire_after_seconds": policy.expires or None,
        }
        for path in paths
    ]


REFLECTION_FUNCTIONS = {
    "reflection_lineage": (_lineage, _LINEAGE),
    "reflection_refresh_settings": (_settings, _SETTINGS),
}
"""Function's name in sys → its rows and their columns."""
