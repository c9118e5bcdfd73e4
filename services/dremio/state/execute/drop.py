"""DROP TABLE, VIEW, FOLDER and SPACE."""

from __future__ import annotations

from services.dremio.sql.resolve import candidates
from services.dremio.sql.statements import Drop
from services.dremio.state.errors import validation
from services.dremio.state.execute.modify import name_of
from services.dremio.state.execute.run import Result, Run, ok


def drop(run: Run, statement: Drop) -> Result:
    """Remove what is named; its kind must be the one named. Raises DremioError."""
    return _DROPS[statement.kind](run, statement)


def _view(run: Run, statement: Drop) -> Result:
    dotted = ".".join(statement.path)
    for path in candidates(statement.path, run.session.context):
        entity = run.core.entities.get(path)
        if entity is not None and entity.kind == "VIEW":
            run.core.entities.delete(entity)
            return ok(f"View [{dotted}] deleted successfully.")
        if run.core.catalog.table(path) is not None:
            raise validation(f"[{dotted}] is not a VIEW")
    if statement.if_exists:
        return ok(f"View [{dotted}] not found.")
    raise validation(f"Unknown view [{dotted}].")


def _table(run: Run, statement: Drop) -> Result:
    dotted = ".".join(statement.path)
    for path in candidates(statement.path, run.session.context):
        table = run.core.catalog.table(path)
        if table is not None:
            with run.core.writing(table.path):
                run.execute(f"DROP TABLE {name_of(run, table)}")
                table.lake.changed()
            entity = run.core.entities.get(table.path)
            if entity is not None:
                run.core.entities.delete(entity)
            run.core.access.forget(table.path)
            run.core.policies.forget(table.path)
            return ok(f"Table [{dotted}] dropped")
        entity = run.core.entities.get(path)
        if entity is not None and entity.kind == "VIEW":
            raise validation(f"[{dotted}] is a VIEW")
    if statement.if_exists:
        return ok(f"Table [{dotted}] not found.")
    raise validation(f"Table [{dotted}] not found.")


def _container(run: Run, statement: Drop) -> Result:
    dotted = ".".join(statement.path)
    for path in candidates(statement.path, run.session.context):
        entity = run.core.entities.get(path)
        if entity is not None and entity.kind == statement.kind:
            run.core.entities.delete(entity)
            return ok(f"{statement.kind.title()} [{dotted}] deleted.")
    if statement.if_exists:
        return ok(f"{statement.kind.title()} [{dotted}] not found.")
    raise validation(f"{statement.kind.title()} [{dotted}] not found.")


_DROPS = {"VIEW": _view, "TABLE": _table, "FOLDER": _container, "SPACE": _container}
