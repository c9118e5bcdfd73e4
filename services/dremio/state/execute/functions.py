"""CREATE, DROP, DESCRIBE and SHOW FUNCTION(S).

What they answer is Dremio's (CreateFunctionHandler, DropFunctionHandler, DescribeFunctionHandler,
ShowFunctionsHandler of its source).
"""

from __future__ import annotations

import datetime

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.resolve import candidates
from services.dremio.sql.statements import (
    CreateFunction,
    DescribeFunction,
    DropFunction,
    Path,
    ShowFunctions,
)
from services.dremio.sql.user_functions import Function, dotted, table_body
from services.dremio.state import types
from services.dremio.state.access.needs import function_place
from services.dremio.state.catalog.entities import Entity
from services.dremio.state.catalog.functions import read, stored
from services.dremio.state.errors import validation
from services.dremio.state.execute.places import check_place
from services.dremio.state.execute.run import Result, Run, ok, rows
from services.dremio.state.system.like import matches

DESCRIBE_SCHEMA = pa.schema(
    [
        ("Name", pa.string()),
        ("Input", pa.string()),
        ("Returns", pa.string()),
        ("Body", pa.string()),
        ("Created_At", pa.timestamp("ms")),
        ("Last_Modified_At", pa.timestamp("ms")),
        ("Owner", pa.string()),
    ]
)
SHOW_SCHEMA = pa.schema([("FUNCTION_NAME", pa.string())])


def create_function(run: Run, statement: CreateFunction) -> Result:
    """Store a function, after planning a call of it. Raises DremioError."""
    path = function_place(run, statement.path)
    named = quoted_path(path)
    former = run.core.entities.get(path)
    if former is not None:
        if former.kind != "FUNCTION":
            raise validation(f"A {former.kind.lower()} with given name {named} already exists")
        if statement.if_not_exists:
            return ok(f"Function [{named}] was not created as it already exists.")
        if not statement.replace:
            raise validation(
                f"Function [{named}] was not created as a function with the same name already "
                "exists."
            )
    check_place(run, path)
    kept = stored(statement, run.session.context, run.session.user.name)
    _check(run, read(path, kept))
    now = datetime.datetime.now(datetime.UTC).isoformat()
    if former is None:
        run.core.entities.create(path, "FUNCTION", kept)
    else:
        run.core.entities.update(former, {**kept, "modified_at": now})
    return ok(f"Function [{named}] has been {'created' if former is None else 'updated'}.")


def drop_function(run: Run, statement: DropFunction) -> Result:
    """Remove a function. Raises DremioError."""
    entity = find(run, statement.path)
    if entity is None:
        named = quoted_path(statement.path)
        if statement.if_exists:
            return ok(f"Function [{named}] does not exist.")
        raise validation(f"Function [{named}] does not exist.")
    run.core.entities.delete(entity)
    return ok(f"Function [{quoted_path(entity.path)}] has been dropped.")


def describe_function(run: Run, statement: DescribeFunction) -> Result:
    """Tell how a function was made. Raises DremioError."""
    entity = find(run, statement.path)
    if entity is None:
        raise validation(f"Function [{quoted_path(statement.path)}] does not exist.")
    kept = entity.body
    modified = kept.get("modified_at")
    returns = kept["returns"] or f"TABLE ({_listed(kept['table'])})"
    return rows(
        DESCRIBE_SCHEMA,
        [
            {
                "Name": dotted(entity.path),
                "Input": _listed(kept["parameters"]) or None,
                "Returns": returns,
                "Body": kept["sql"],
                "Created_At": _naive(entity.created_at),
                "Last_Modified_At": _naive(
                    datetime.datetime.fromisoformat(modified) if modified else entity.created_at
                ),
                "Owner": kept.get("owner"),
            }
        ],
    )


def show_functions(run: Run, statement: ShowFunctions) -> Result:
    """List the functions that users wrote."""
    actor = run.actor
    names = [
        dotted(entity.path)
        for entity in run.core.entities.all("FUNCTION")
        if actor.sees(entity.path)
    ]
    pattern = statement.like.strip() if statement.like is not None else None
    return rows(
        SHOW_SCHEMA,
        [
            {"FUNCTION_NAME": name}
            for name in names
            if matches(name, pattern) or matches(name.split(".")[-1], pattern)
        ],
    )


def find(run: Run, path: Path) -> Entity | None:
    """Return the function's entity that a path means, or None."""
    for candidate in [*candidates(path, run.session.context), _home(run, path)]:
        entity = run.core.entities.get(candidate)
        if entity is not None and entity.kind == "FUNCTION":
            return entity
    return None


def quoted_path(path: Path) -> str:
    """Return a path as Dremio's messages about functions spell it."""
    return ".".join(part if part.isidentifier() else f'"{part}"' for part in path)


def _home(run: Run, path: Path) -> Path:
    return (f"@{run.session.user.name}", *path)


def _check(run: Run, function: Function) -> None:
    """Plan a call with NULLs as arguments. Raises DremioError when the function cannot work."""
    nulls: list[exp.Expr] = [exp.Null() for _ in function.parameters]
    if function.returns is not None:
        value = exp.alias_(run.expand(function, nulls), "value")
        run.shape(run.translate(exp.select(value)))
        return
    found = run.plan(table_body(function, nulls), function.context)
    if len(found) != len(function.table):
        raise validation(
            f"Function [{dotted(function.path)}] returns {len(function.table)} columns, its query "
            f"has {len(found)}: {', '.join(types.information_name(f.type) for f in found)}"
        )


def _listed(pairs: list[list[str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in pairs)


def _naive(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
