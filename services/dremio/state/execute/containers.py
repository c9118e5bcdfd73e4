"""CREATE SPACE and FOLDER."""

from __future__ import annotations

from services.dremio.sql.statements import CreateContainer, Path
from services.dremio.state.catalog.entities import Entities, Entity
from services.dremio.state.errors import DremioError, ErrorKind, validation
from services.dremio.state.execute.run import Result, Run, ok


def create_container(run: Run, statement: CreateContainer) -> Result:
    """Create a space or folder. Raises DremioError."""
    dotted = ".".join(statement.path)
    path = statement.path if statement.kind == "SPACE" else run.new_path(statement.path)
    if statement.if_not_exists and run.core.entities.get(path) is not None:
        return ok(f"{statement.kind.title()} [{dotted}] already exists.")
    make = create_space if statement.kind == "SPACE" else create_folder
    make(run.core.entities, path)
    return ok(f"{statement.kind.title()} [{dotted}] created.")


def create_space(entities: Entities, path: Path) -> Entity:
    """Create a space. Raises DremioError (CONFLICT, VALIDATION)."""
    if len(path) != 1 or not path[0].strip() or path[0].startswith("@"):
        raise validation(f"Invalid space name: '{'.'.join(path)}'")
    return entities.create(path, "SPACE")


def create_folder(entities: Entities, path: Path) -> Entity:
    """Create a folder in a space, home or folder. Raises DremioError."""
    if len(path) < 2 or not all(part.strip() for part in path):
        raise validation("A folder needs a parent and a name")
    parent = entities.get(path[:-1])
    root = entities.get(path[:1])
    if root is not None and root.kind == "SOURCE":
        raise validation("Can not create a folder inside a [SOURCE].")
    if parent is None:
        raise DremioError(
            ErrorKind.VALIDATION, f"Could not find parent folder [{'.'.join(path[:-1])}]"
        )
    if parent.kind == "VIEW":
        raise validation(f"[{'.'.join(path[:-1])}] is a dataset, not a folder")
    return entities.create(path, "FOLDER")
