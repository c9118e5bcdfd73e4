"""Looking names up with someone's rights: the user's own, or a view's owner's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from services.dremio.sql.guards import Guard
from services.dremio.sql.resolve import Names, Physical, Relation
from services.dremio.sql.shape import rows_wanted
from services.dremio.sql.statements import Path
from services.dremio.sql.user_functions import Function
from services.dremio.state.access.actor import Actor
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.sources.model import Scanned

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run


def readable(run: Run, actor: Actor, path: Path, table: exp.Table) -> Relation | None:
    """Return the table or view at a full path. Raises DremioError (PERMISSION)."""
    if not _is_target(table) and not actor.may("SELECT", path):
        if not _is_there(run, path):
            _missed(run, path)
            return None
        may_read(actor, path)
    found = run.core.catalog.relation(path, rows_wanted(table))
    if found is None:
        _missed(run, path)
    else:
        run.reads[found.path] = None
    if isinstance(found, Physical) and table.args.get("version"):
        from services.dremio.state.execute.history_functions import check_version

        check_version(run, found.path, table.args["version"])
    return run.scan(found) if isinstance(found, Scanned) else found


def _missed(run: Run, path: Path) -> None:
    """Note that a name meant something else because a source has no such table."""
    run.missed = run.missed or run.core.catalog.source(path) is not None


def may_read(actor: Actor, path: Path) -> None:
    """Check that someone may read a dataset. Raises DremioError (PERMISSION)."""
    if not actor.may("SELECT", path):
        raise DremioError(
            ErrorKind.PERMISSION,
            f"Access denied reading dataset {'.'.join(path)}.",
            more=f"{actor.name} needs the SELECT privilege on it",
        )


class OwnersNames:
    """Names as a view's owner may read them; system tables show what the user may see."""

    def __init__(self, run: Run, owner: Actor) -> None:
        self._run = run
        self._owner = owner

    def lookup(self, path: Path, table: exp.Table) -> Relation | None:
        """Return what lies at a full path."""
        from services.dremio.state.system.tables import provide

        inline = provide(self._run, path, table)
        if inline is not None:
            return inline
        return readable(self._run, self._owner, path, table)

    def table_function(self, call: exp.Func, context: Path) -> Relation | Path | None:
        """Return what a table function stands for, as far as the owner may read it."""
        return self._run.table_function_for(self._owner, call, context)

    def function(self, path: Path) -> Function | None:
        """Return a function that the owner may call."""
        return self._run.function_for(self._owner, path)

    def guard(self, path: Path, table: exp.Table) -> Guard | None:
        """Return the policies of a dataset: they hold for the user, whoever owns the view."""
        return self._run.guard(path, table)

    def entering(self, path: Path) -> Names:
        """Return what the names of an inner view or function are looked up through."""
        return self._run.entering(path)


def _is_there(run: Run, path: Path) -> bool:
    entity = run.core.entities.get(path)
    return (entity is not None and entity.kind == "VIEW") or run.core.catalog.exists(path)


def _is_target(table: exp.Table) -> bool:
    """Whether the table is only written to by the statement (INSERT INTO it)."""
    parent = table.parent
    if isinstance(parent, exp.Schema):
        table, parent = parent, parent.parent  # type: ignore[assignment]
    return isinstance(parent, exp.Insert) and parent.this is table
