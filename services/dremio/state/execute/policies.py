"""Policies: set and removed by statement, applied where a query reads the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.access.policies import SetPolicy
from services.dremio.sql.guards import Applied, Guard
from services.dremio.sql.statements import Statement
from services.dremio.sql.user_functions import dotted
from services.dremio.state import types
from services.dremio.state.access.access import denied
from services.dremio.state.access.policies import Policy
from services.dremio.state.catalog.catalog import fields_of
from services.dremio.state.catalog.entities import Path
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.functions import find
from services.dremio.state.execute.run import Result, ok

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run

_CHANGING = (exp.Update, exp.Delete, exp.Merge)


def guard_of(run: Run, path: Path, table: exp.Table) -> Guard | None:
    """Return the policies that a dataset is read behind. Raises DremioError.

    Who changes rows could tell from the counts what is hidden: only who may drop the policies
    changes them.
    """
    policies = run.core.policies
    found = policies.of(path)
    if not found:
        near = policies.near(path)
        if near is not None and run.core.entities.get(path[:1]) is not None:
            check_owner(run, near, "reading files below or around it")
        return None
    if _written(table):
        return None
    if isinstance(table.parent, _CHANGING) and table.parent.this is table:
        check_owner(run, path, "changing its rows")
        return None
    return Guard(tuple(_applied(run, policy) for policy in found))


def check_owner(run: Run, path: Path, what: str) -> None:
    """Check that the user may take the policies of a dataset away. Raises DremioError."""
    if run.core.policies.of(path) and not run.actor.owns(path):
        raise denied(
            f"Access denied: [{dotted(path)}] has row-access or column-masking policies; "
            f"{what} is for its owner and administrators"
        )


def set_policy(run: Run, statement: SetPolicy) -> Result:
    """Add or remove a policy. Raises DremioError."""
    try:
        path = run.path_of(statement.path)
    except DremioError as error:
        if statement.if_exists and error.kind is ErrorKind.VALIDATION:
            return ok(f"Table or view [{dotted(statement.path)}] not found.")
        raise
    if not run.actor.owns(path):
        raise denied(
            f"User [{run.session.user.name}] does not have the OWNERSHIP privilege "
            f"on [{dotted(path)}]"
        )
    what = "Masking policy" if statement.column else "Row access policy"
    if statement.remove:
        function = find(run, statement.function) if statement.function else None
        named = function.path if function is not None else statement.function
        if not run.core.policies.remove(path, named, statement.column):
            raise validation(f"{what} [{dotted(statement.function)}] is not set")
        run.core.access.changed()
        return ok(f"{what} removed.")
    policy = _checked(run, path, _schema(run, path), statement)
    run.core.policies.add(policy)
    run.core.access.changed()
    return ok(f"{what} set.")


@contextmanager
def from_the_start(
    run: Run, path: Path, schema: pa.Schema, statements: Iterable[Statement]
) -> Iterator[None]:
    """Set the policies of a dataset before the block makes it: nobody reads it without them.

    Raises DremioError; what the block raises takes the policies back.
    """
    own = [s for s in statements if isinstance(s, SetPolicy)]
    if not own:
        yield
        return
    wanted = [_checked(run, path, schema, statement) for statement in own]
    policies = run.core.policies
    before = policies.of(path)
    for policy in wanted:
        policies.add(policy)
    run.core.access.changed()
    try:
        yield
    except BaseException:
        for policy in wanted:
            policies.remove(path, policy.function, policy.masked)
        for policy in before:
            policies.add(policy)
        run.core.access.changed()
        raise


def _applied(run: Run, policy: Policy) -> Applied:
    entity = run.core.entities.get(policy.function)
    if entity is None or entity.kind != "FUNCTION":
        raise validation(
            f"[{dotted(policy.path)}] cannot be read: the function [{dotted(policy.function)}] of "
            "its policy does not exist"
        )
    return Applied(run.core.catalog.functions.of(entity), policy.columns, policy.masked)


def _checked(run: Run, path: Path, schema: pa.Schema, statement: SetPolicy) -> Policy:
    entity = find(run, statement.function)
    if entity is None:
        raise validation(f"Function [{dotted(statement.function)}] does not exist.")
    function = run.function(entity.path)
    assert function is not None  # noqa: S101 - it was just found
    if function.returns is None:
        raise validation(f"Function [{dotted(entity.path)}] returns a table: it is no policy")
    known = {field.name.lower(): field for field in schema}
    fields = [_field(known, name) for name in statement.columns]
    if len(fields) != len(function.parameters):
        raise validation(
            f"Function [{dotted(entity.path)}] takes {len(function.parameters)} arguments, "
            f"{len(fields)} columns are given"
        )
    returns = _type(run, function.returns)
    if not statement.column:
        if not pa.types.is_boolean(returns):
            raise validation("A row access policy is a function that returns BOOLEAN")
        return Policy(path, entity.path, tuple(f.name for f in fields))
    masked = _field(known, statement.column)
    if types.information_name(masked.type) != types.information_name(returns):
        raise validation(
            f"A masking policy returns the type of its column: [{masked.name}] is "
            f"{types.information_name(masked.type)}, [{dotted(entity.path)}] returns "
            f"{types.information_name(returns)}"
        )
    return Policy(path, entity.path, tuple(f.name for f in fields), masked.name)


def _schema(run: Run, path: Path) -> pa.Schema:
    entity = run.core.entities.get(path)
    if entity is not None and entity.kind == "VIEW":
        return fields_of(entity)
    return run.core.catalog.columns(path) or pa.schema([])


def _field(known: dict[str, pa.Field], name: str) -> pa.Field:
    field = known.get(name.lower())
    if field is None:
        raise validation(f"Column [{name}] is not present in the dataset.")
    return field


def _type(run: Run, kind: exp.DataType) -> pa.DataType:
    value = exp.alias_(exp.cast(exp.Null(), kind.copy()), "value")
    return run.shape(run.translate(exp.select(value))).field(0).type


def _written(table: exp.Table) -> bool:
    """Whether rows are only added to it (INSERT INTO it)."""
    parent = table.parent
    inner: exp.Expr = table
    if isinstance(parent, exp.Schema):
        inner, parent = parent, parent.parent
    return isinstance(parent, exp.Insert) and parent.this is inner
