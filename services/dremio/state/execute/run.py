"""One statement on its way: its cursor, its session, and the parts it may use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from sqlglot import exp

from services.dremio.sql.functions import Context
from services.dremio.sql.guards import Guard
from services.dremio.sql.resolve import (
    Inline,
    Names,
    Relation,
    candidates,
    inline,
    resolve,
)
from services.dremio.sql.statements import Path
from services.dremio.sql.translate import to_duckdb
from services.dremio.sql.user_functions import Function
from services.dremio.state import types
from services.dremio.state.access.actor import Actor
from services.dremio.state.access.names import OwnersNames, readable
from services.dremio.state.core import Core
from services.dremio.state.duckdb_errors import translate
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.json_shapes import learn
from services.dremio.state.jobs.profile import Profile
from services.dremio.state.session import Session
from services.dremio.state.sources.model import Scanned

if TYPE_CHECKING:
    from services.dremio.state.reflections.planner import Plan

Result = tuple[pa.Schema, Iterator[pa.RecordBatch]]

# What a statement calls the rows that came along with it.
PROVIDED = "$rows"


@dataclass
class Run:
    """A statement's own state; also what its names are looked up through (`resolve.Names`).

    `text`: the statement as it was sent, where it is a query by itself. `missed`: a name was
    looked for in a source and not found there; another program's new table would change that.
    """

    core: Core
    session: Session
    cursor: duckdb.DuckDBPyConnection
    job_id: str = ""
    text: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    acceleration: Plan | None = None
    guarded: bool = False
    stopped: str = ""
    profile: Profile = field(default_factory=Profile)
    reads: dict[Path, None] = field(default_factory=dict)
    missed: bool = False
    provided: pa.Table | None = None
    _registered: dict[tuple[str, ...], str] = field(default_factory=dict)

    def lookup(self, path: Path, table: exp.Table) -> Relation | None:
        """Return what lies at a full path: a system table, a view or a table."""
        from services.dremio.state.system.tables import provide

        if path == (PROVIDED,) and self.provided is not None:
            return Inline(path, self.register(self.provided))
        inline = provide(self, path, table)
        return inline if inline is not None else readable(self, self.actor, path, table)

    def scan(self, found: Scanned) -> Inline:
        """Make rows that are fetched on demand readable for this statement."""
        return Inline(found.path, self.register(found.dataset))

    @property
    def actor(self) -> Actor:
        """The rights of the session's user."""
        return self.core.access.actor(self.session.user)

    def see(self, path: Path) -> None:
        """Check that the user may know of the object at a full path. Raises DremioError."""
        if not self.actor.sees(path):
            raise DremioError(
                ErrorKind.PERMISSION, f"Access denied reading dataset {'.'.join(path)}."
            )

    def guard(self, path: Path, table: exp.Table) -> Guard | None:
        """Return the policies that a dataset is read behind. Raises DremioError (PERMISSION)."""
        from services.dremio.state.execute.policies import guard_of

        found = guard_of(self, path, table)
        self.guarded = self.guarded or found is not None
        return found

    def entering(self, path: Path) -> Names:
        """Return what names inside a view or function are looked up through: its owner's rights."""
        return OwnersNames(self, self.core.access.owner_of(path))

    def table_function(self, call: exp.Func, context: Path) -> Relation | Path | None:
        """Return what a table function in FROM stands for."""
        return self.table_function_for(self.actor, call, context)

    def table_function_for(
        self, actor: Actor, call: exp.Func, context: Path
    ) -> Relation | Path | None:
        """Return what a table function stands for that `actor` calls. Raises DremioError."""
        from services.dremio.state.execute.table_functions import expand

        return expand(self, actor, call, context)

    def function(self, path: Path) -> Function | None:
        """Return the function that a user wrote at a full path, or None.

        A bare name may also be one of the user's own, in the home space. Raises DremioError
        (PERMISSION) when the user may not execute it.
        """
        return self.function_for(self.actor, path)

    def function_for(self, actor: Actor, path: Path) -> Function | None:
        """Return a function that `actor` calls. Raises DremioError (PERMISSION)."""
        entity = self.core.entities.get(path)
        if entity is None and len(path) == 1:
            entity = self.core.entities.get((f"@{self.session.user.name}", *path))
        if entity is None or entity.kind != "FUNCTION":
            return None
        if not actor.may("EXECUTE", entity.path):
            raise DremioError(
                ErrorKind.PERMISSION,
                f"User [{actor.name}] does not have the EXECUTE privilege "
                f"on [{'.'.join(entity.path)}]",
            )
        return self.core.catalog.functions.of(entity)

    def expand(self, function: Function, arguments: list[exp.Expr]) -> exp.Expression:
        """Return what a call of a user's scalar function stands for. Raises DremioError."""
        return inline(function, arguments, self)

    @property
    def registered(self) -> bool:
        """Whether the statement reads rows that the engine made for it."""
        return bool(self._registered)

    def register(self, table: pa.Table | ds.Dataset) -> str:
        """Make rows readable for this statement; return the name."""
        name = f"_rows_{len(self._registered)}"
        self._registered[(name,)] = name
        self.cursor.register(name, table)
        return name

    def sql(self, tree: exp.Expression, context: Path | None = None) -> str:
        """Resolve and translate a query or DML (its tree is consumed). Raises DremioError."""
        where = self.session.context if context is None else context
        return self.translate(resolve(tree, where, self))

    def translate(self, tree: exp.Expression) -> str:
        """Return DuckDB's SQL for a tree whose names are resolved. Raises DremioError."""
        facts = self.facts()
        learn(self, tree, lambda probe: to_duckdb(probe, facts))
        return to_duckdb(tree, facts)

    def facts(self) -> Context:
        """Return what functions may ask about the session."""
        session = self.session
        roles = self.core.access.roles_of(session.user.id)
        return Context(
            user=session.user.name,
            schema=".".join(session.context),
            roles=frozenset(role.name for role in roles),
            last_query_id=session.last_query_id,
            folders=self.folders,
        )

    def folders(self, source: str, path: Path) -> list[str]:
        """Return the names of the folders right in a source's folder. Raises DremioError.

        The plan is not kept: another program may make a folder.
        """
        self.missed = True
        entity = self.core.catalog.source((source,))
        if entity is None:
            raise validation(f"Source '{source}' not found")
        if not self.actor.may("SELECT", (entity.name, *path)):
            raise DremioError(
                ErrorKind.PERMISSION,
                f"Access denied reading folder {'.'.join((entity.name, *path))}.",
            )
        children = self.core.sources.of(entity).children(path)
        if children is None:
            raise validation(f"Folder '{'/'.join(path)}' not found in source '{entity.name}'")
        return [child.name for child in children if child.kind == "FOLDER"]

    def plan(self, tree: exp.Expression, context: Path | None = None) -> pa.Schema:
        """Return the schema of a query's result without running it. Raises DremioError."""
        return self.shape(self.sql(tree, context))

    def shape(self, sql: str) -> pa.Schema:
        """Return the schema of the result of DuckDB's SQL. Raises DremioError."""
        try:
            relation = self.cursor.sql(sql)
        except duckdb.Error as error:
            raise translate(error) from error
        return pa.schema(
            [
                (name, types.from_duckdb(kind))
                for name, kind in zip(relation.columns, relation.types, strict=True)
            ]
        )

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Run DuckDB's SQL on this statement's cursor. Raises DremioError."""
        if self.cancelled.is_set():
            raise DremioError(ErrorKind.CANCELED, "Query was canceled")
        self.profile.planned()
        try:
            return self.cursor.execute(sql)
        except duckdb.Error as error:
            raise translate(error) from error

    def path_of(self, path: Path) -> Path:
        """Return the full path of a table or view that a statement names.

        Raises DremioError (VALIDATION) when nothing is there.
        """
        for full in candidates(path, self.session.context):
            relation = self.core.catalog.relation(full)
            if relation is not None:
                return relation.path
        raise validation(f"Table '{'.'.join(path)}' not found")

    def new_path(self, path: Path) -> Path:
        """Return the full path of something to be made: in the context unless its root exists."""
        context = self.session.context
        if context and self.core.catalog.root(path) is None:
            return (*context, *path)
        return path


def rows(schema: pa.Schema, values: list[dict[str, Any]]) -> Result:
    """Return a result of rows that are at hand."""
    table = pa.Table.from_pylist(values, schema=schema)
    return schema, iter(table.to_batches())


OK_SCHEMA = pa.schema([("ok", pa.bool_()), ("summary", pa.string())])
RECORDS_SCHEMA = pa.schema([("Records", pa.int64())])


def ok(summary: str) -> Result:
    """Return what Dremio's DDL answers."""
    return rows(OK_SCHEMA, [{"ok": True, "summary": summary}])
