"""What each statement needs: a privilege on what it names.

What a query reads is checked where its names are looked up (`Run.lookup`); this table is about
what statements change. A statement that is not in it is an administrator's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.dremio.sql import statements as s
from services.dremio.sql.access import statements as a
from services.dremio.sql.access.policies import SetPolicy
from services.dremio.sql.reflections import statements as r
from services.dremio.sql.statements import Path
from services.dremio.state.errors import DremioError, ErrorKind

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run

Check = Callable[["Run", Any], None]


def check(run: Run, statement: s.Statement) -> None:
    """Check that the session's user may run a statement. Raises DremioError (PERMISSION)."""
    if run.actor.admin:
        return
    checked = _NEEDS.get(type(statement))
    if checked is None:
        run.core.access.require_admin(run.session.user, f"run {type(statement).__name__}")
    else:
        checked(run, statement)


def made(run: Run, statement: s.Statement) -> Path | None:
    """Return the path of what a statement is about to make, None when it makes nothing new."""
    if isinstance(statement, s.CreateContainer) and statement.kind == "SPACE":
        path = statement.path
    elif isinstance(statement, s.CreateView | s.CreateTable | s.CreateContainer):
        path = run.new_path(statement.path)
    elif isinstance(statement, s.CreateFunction):
        path = function_place(run, statement.path)
    else:
        return None
    return None if _exists(run, path) else path


def _exists(run: Run, path: Path) -> bool:
    return run.core.entities.get(path) is not None or run.core.catalog.exists(path)


def _free(run: Run, statement: s.Statement) -> None:
    """What it reads is checked by name, or it tells nothing of data."""


def _set_option(run: Run, statement: s.SetOption) -> None:
    if statement.system:
        run.core.access.require_admin(run.session.user, "set options of the system")


def _existing(*privileges: str) -> Check:
    """Any of the privileges on the object that the statement names by `path`."""

    def checked(run: Run, statement: Any) -> None:
        _require(run, privileges, _full(run, statement.path))

    return checked


def _inside(*privileges: str) -> Check:
    """Any of the privileges on what will hold the new object; on the object when it exists."""

    def checked(run: Run, statement: Any) -> None:
        path = run.new_path(statement.path)
        if _exists(run, path):
            _require(run, ("ALTER", "DROP"), path)
        else:
            _require(run, privileges, path[:-1])

    return checked


def _create_function(run: Run, statement: s.CreateFunction) -> None:
    path = function_place(run, statement.path)
    if run.core.entities.get(path) is not None:
        _require(run, ("ALTER", "MODIFY"), path)
    else:
        _require(run, ("ALTER",), path[:-1])


def _function(*privileges: str) -> Check:
    """Any of the privileges on the function that the statement names."""

    def checked(run: Run, statement: Any) -> None:
        from services.dremio.state.execute.functions import find

        found = find(run, statement.path)
        if found is not None:
            _require(run, privileges, found.path)

    return checked


def function_place(run: Run, path: Path) -> Path:
    """Return where a new function goes: a bare name without context is the user's own."""
    if len(path) == 1 and not run.session.context:
        return (f"@{run.session.user.name}", *path)
    return run.new_path(path)


def _container(run: Run, statement: s.CreateContainer) -> None:
    path = statement.path if statement.kind == "SPACE" else run.new_path(statement.path)
    _require(run, ("ALTER",), path[:-1])


def _modify(run: Run, statement: s.Modify) -> None:
    path = _full(run, statement.path)
    for privilege in _MODIFY[statement.kind]:
        _require(run, (privilege,), path)


_MODIFY = {
    "INSERT": ("INSERT",),
    "UPDATE": ("UPDATE", "SELECT"),
    "DELETE": ("DELETE", "SELECT"),
    # A MERGE may do either; Dremio asks for all of them.
    "MERGE": ("INSERT", "UPDATE", "SELECT"),
}


def _analyze(run: Run, statement: s.Analyze) -> None:
    path = _full(run, statement.path)
    _require(run, ("ALTER",), path)
    _require(run, ("SELECT",), path)


def _explain(run: Run, statement: s.Explain) -> None:
    check(run, statement.inner)


def _describe(run: Run, statement: s.Describe) -> None:
    from services.dremio.state.system import columns

    if columns.of(statement.path) is None:
        run.see(_full(run, statement.path))


def _show(run: Run, statement: s.Show) -> None:
    if statement.kind.startswith("CREATE") or statement.kind == "TBLPROPERTIES":
        _require(run, ("SELECT", "READ_METADATA", "ALTER"), _full(run, statement.path))


def _reflection(run: Run, statement: Any) -> None:
    dataset: Path = statement.dataset
    name = getattr(statement, "name", "")
    if not isinstance(statement, r.CreateReflection) and name and not dataset:
        dataset = run.core.reflections.named(name, None).dataset
    _require(run, ("ALTER_REFLECTION",), _full(run, dataset))


def _own_password(run: Run, statement: a.AlterUser) -> None:
    if statement.name.lower() != run.session.user.name.lower():
        run.core.access.require(run.session.user, "CREATE_USER", ())


def _system(privilege: str) -> Check:
    return lambda run, statement: run.core.access.require(run.session.user, privilege, ())


def _full(run: Run, path: Path) -> Path:
    """Return the full path of what is named; when nothing is there, the statement will say so."""
    try:
        return run.path_of(path)
    except DremioError as error:
        if error.kind is not ErrorKind.VALIDATION:
            raise
    for candidate in ((*run.session.context, *path), path):
        if run.core.entities.get(candidate) is not None:
            return candidate
    return path


def _require(run: Run, privileges: tuple[str, ...], path: Path) -> None:
    run.core.access.require(run.session.user, privileges[0], path, *privileges[1:])


_NEEDS: dict[type[s.Statement], Check] = {
    s.Query: _free,
    s.Use: _free,
    s.SetOption: _set_option,
    s.Explain: _explain,
    s.Describe: _describe,
    s.Show: _show,
    s.CreateView: _inside("ALTER"),
    s.CreateTable: _inside("CREATE_TABLE"),
    s.CreateContainer: _container,
    s.CreateFunction: _create_function,
    s.DropFunction: _function("DROP", "ALTER"),
    s.DescribeFunction: _function("EXECUTE", "ALTER"),
    s.ShowFunctions: _free,
    s.Drop: _existing("DROP", "ALTER"),
    s.Modify: _modify,
    s.Truncate: _existing("TRUNCATE", "DELETE"),
    s.AlterColumns: _existing("ALTER"),
    s.AlterMetadata: _existing("ALTER"),
    s.RefreshStatus: _existing("MODIFY"),
    # The files it reads are checked where they are found.
    s.CopyInto: _existing("INSERT"),
    s.Optimize: _existing("ALTER", "UPDATE"),
    s.Vacuum: _existing("ALTER"),
    s.Rollback: _existing("ALTER"),
    s.TableProperties: _existing("ALTER"),
    s.AlterLayout: _existing("ALTER"),
    s.Analyze: _analyze,
    r.CreateReflection: _reflection,
    r.DropReflection: _reflection,
    r.SetAcceleration: _reflection,
    r.RefreshReflections: _reflection,
    r.AlterReflection: _reflection,
    r.Ignored: _free,
    # Each of these looks at the object or role it is about itself.
    SetPolicy: _free,
    a.Grant: _free,
    a.GrantRole: _free,
    a.DropRole: _free,
    a.AlterUser: _own_password,
    a.CreateUser: _system("CREATE_USER"),
    a.DropUser: _system("CREATE_USER"),
    a.CreateRole: _system("CREATE_ROLE"),
}
