"""Dremio's views and functions, with their spaces and folders: read as SQL, made again elsewhere.

Facts: docs.dremio.com, Catalog API. Entities of type `space`, `home`, `folder` list `children`;
a view is a `dataset` of type `VIRTUAL_DATASET` with `path`, `sql` and `sqlContext`. Its wiki is
at `/api/v3/catalog/{id}/collaboration/wiki`, its labels at `…/tag`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bootstrap.clients.dremio import Dremio
from bootstrap.migrate_functions import Function, dotted, ensure_function, function_of
from services.common.errors import LakeletError, NotFoundError

Path = tuple[str, ...]
_NOTES = ("wiki", "tag")


@dataclass(frozen=True)
class View:
    """A view; `columns` are its columns' names, `notes` its wiki and its labels."""

    path: Path
    sql: str
    context: tuple[str, ...]
    columns: tuple[str, ...]
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Definitions:
    """What lies in the spaces: containers before what is in them, the others in no order."""

    spaces: tuple[str, ...]
    folders: tuple[Path, ...]
    views: tuple[View, ...]
    functions: tuple[Function, ...] = ()


def read_views(dremio: Dremio) -> Definitions:
    """Return every view and function of every space and home."""
    spaces: list[str] = []
    folders: list[Path] = []
    views: list[View] = []
    functions: list[Function] = []

    def walk(container: str) -> None:
        for child in dremio.call("GET", f"/api/v3/catalog/{container}").get("children", []):
            if child["type"] == "DATASET" and child.get("datasetType") == "VIRTUAL":
                views.append(_view(dremio, child["id"]))
            elif child["type"] == "FUNCTION":
                entity = dremio.call("GET", f"/api/v3/catalog/{child['id']}")
                functions.append(function_of(entity))
            elif child.get("containerType") == "FOLDER":
                folders.append(tuple(child["path"]))
                walk(child["id"])

    for root in dremio.call("GET", "/api/v3/catalog")["data"]:
        kind = root.get("containerType")
        if kind == "SPACE":
            spaces.append(root["path"][0])
        if kind in ("SPACE", "HOME"):
            walk(root["id"])
    return Definitions(tuple(spaces), tuple(folders), tuple(views), tuple(functions))


def write_views(dremio: Dremio, definitions: Definitions) -> tuple[list[Path], dict[str, str]]:
    """Make what is missing; return what was made, and why each other one was not, by name.

    Functions first. One whose tables, views or functions are not there yet is tried again once
    others were made: so they come in the order in which they need each other. What is there
    already stays as it is.
    """
    left: dict[str, str] = {}
    containers: list[dict[str, Any]] = [
        {"entityType": "space", "name": name} for name in definitions.spaces
    ]
    containers += [{"entityType": "folder", "path": list(path)} for path in definitions.folders]
    for body in containers:
        path = tuple(body.get("path") or [body["name"]])
        try:
            if dremio.by_path(*path) is None:
                dremio.call("POST", "/api/v3/catalog", body)
        except LakeletError as error:
            left[".".join(path)] = str(error)

    made: list[Path] = []
    waiting: list[View | Function] = [*definitions.functions, *definitions.views]
    while waiting:
        problems: dict[Path, str] = {}
        for each in waiting:
            try:
                if _make(dremio, each):
                    made.append(each.path)
            except LakeletError as error:
                problems[each.path] = str(error)
        again = [each for each in waiting if each.path in problems]
        if len(again) == len(waiting):
            left |= {".".join(path): words for path, words in problems.items()}
            break
        waiting = again
    return made, left


def _view(dremio: Dremio, identity: str) -> View:
    entity = dremio.call("GET", f"/api/v3/catalog/{identity}")
    notes = {}
    for kind in _NOTES:
        try:
            found = dremio.call("GET", f"/api/v3/catalog/{identity}/collaboration/{kind}")
        except NotFoundError:
            continue
        notes[kind] = {key: value for key, value in found.items() if key != "version"}
    return View(
        tuple(entity["path"]),
        entity["sql"],
        tuple(entity.get("sqlContext") or ()),
        _columns(entity),
        {kind: note for kind, note in notes.items() if any(note.values())},
    )


def _make(dremio: Dremio, each: View | Function) -> bool:
    return _ensure(dremio, each) if isinstance(each, View) else ensure_function(dremio, each)


def _ensure(dremio: Dremio, view: View) -> bool:
    """Make a view; say whether it was missing. Raises LakeletError when it cannot be made."""
    if dremio.by_path(*view.path) is not None:
        return False
    body = {
        "entityType": "dataset",
        "type": "VIRTUAL_DATASET",
        "path": list(view.path),
        "sql": view.sql,
        "sqlContext": list(view.context),
    }
    made = dremio.call("POST", "/api/v3/catalog", body)
    if view.columns and _columns(made) != view.columns:
        # Its own list of names (CREATE VIEW v (a, b) AS …) is not part of its SQL.
        tag = {"tag": made["tag"], "id": made["id"]}
        dremio.call("PUT", f"/api/v3/catalog/{made['id']}", {**body, **tag, "sql": _named(view)})
    for kind, note in view.notes.items():
        dremio.call("POST", f"/api/v3/catalog/{made['id']}/collaboration/{kind}", note)
    return True


def _named(view: View) -> str:
    """Return the view's query with the names of its columns given outside of it."""
    names = ", ".join(dotted([name]) for name in view.columns)
    return f"SELECT * FROM (\n{view.sql}\n) AS renamed({names})"  # noqa: S608


def _columns(entity: dict[str, Any]) -> tuple[str, ...]:
    return tuple(each["name"] for each in entity.get("fields") or ())
