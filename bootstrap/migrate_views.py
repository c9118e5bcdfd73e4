"""Dremio's views, with the spaces and folders they lie in: read as SQL, made again elsewhere.

Facts: docs.dremio.com, Catalog API. Entities of type `space`, `home`, `folder` list `children`;
a view is a `dataset` of type `VIRTUAL_DATASET` with `path`, `sql` and `sqlContext`. Its wiki is
at `/api/v3/catalog/{id}/collaboration/wiki`, its labels at `…/tag`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bootstrap.clients.dremio import Dremio
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
    """What lies in the spaces: containers before what is in them, views in no order."""

    spaces: tuple[str, ...]
    folders: tuple[Path, ...]
    views: tuple[View, ...]


def read_views(dremio: Dremio) -> Definitions:
    """Return every view of every space and home."""
    spaces: list[str] = []
    folders: list[Path] = []
    views: list[View] = []

    def walk(container: str) -> None:
        for child in dremio.call("GET", f"/api/v3/catalog/{container}").get("children", []):
            if child["type"] == "DATASET" and child.get("datasetType") == "VIRTUAL":
                views.append(_view(dremio, child["id"]))
            elif child.get("containerType") == "FOLDER":
                folders.append(tuple(child["path"]))
                walk(child["id"])

    for root in dremio.call("GET", "/api/v3/catalog")["data"]:
        kind = root.get("containerType")
        if kind == "SPACE":
            spaces.append(root["path"][0])
        if kind in ("SPACE", "HOME"):
            walk(root["id"])
    return Definitions(tuple(spaces), tuple(folders), tuple(views))


def write_views(dremio: Dremio, definitions: Definitions) -> tuple[list[Path], dict[str, str]]:
    """Make what is missing; return the views made, and why each other one was not, by name.

    A view whose tables or views are not there yet is tried again once others were made: so they
    come in the order in which they need each other. Views that are there already stay as they are.
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
    waiting = list(definitions.views)
    while waiting:
        problems: dict[Path, str] = {}
        for view in waiting:
            try:
                if _ensure(dremio, view):
                    made.append(view.path)
            except LakeletError as error:
                problems[view.path] = str(error)
        again = [view for view in waiting if view.path in problems]
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
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in view.columns)
    return f"SELECT * FROM (\n{view.sql}\n) AS renamed({names})"  # noqa: S608


def _columns(entity: dict[str, Any]) -> tuple[str, ...]:
    return tuple(each["name"] for each in entity.get("fields") or ())
