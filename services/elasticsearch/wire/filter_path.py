"""`filter_path`: only those parts of an answer that a client asks for."""

from __future__ import annotations

import fnmatch
from typing import Any


def filter_path(body: Any, expression: str) -> Any:
    """Return what `expression` (comma-separated paths, `*`, `**`, `-` to leave out) keeps."""
    paths = [p for p in expression.split(",") if p]
    wanted = [p.split(".") for p in paths if not p.startswith("-")]
    unwanted = [p[1:].split(".") for p in paths if p.startswith("-")]
    if wanted:
        body = _keep(body, wanted)
    if unwanted:
        body = _drop(body, unwanted)
    return {} if body is None else body


def _steps(paths: list[list[str]], name: str) -> tuple[list[list[str]], bool]:
    """Return the paths that go on below `name`, and whether one ends there."""
    below: list[list[str]] = []
    ends = False
    for path in paths:
        head, rest = path[0], path[1:]
        if head == "**":
            below.append(path)
            if rest and fnmatch.fnmatchcase(name, rest[0]):
                ends = ends or len(rest) == 1
                below.append(rest[1:])
            ends = ends or not rest
        elif fnmatch.fnmatchcase(name, head):
            ends = ends or not rest
            below.append(rest)
    return [p for p in below if p], ends


def _keep(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        kept = [k for item in value if (k := _keep(item, paths)) is not None]
        return kept or None
    if not isinstance(value, dict):
        return None
    made = {}
    for name, inner in value.items():
        below, ends = _steps(paths, name)
        if ends:
            made[name] = inner
        elif below and (found := _keep(inner, below)) is not None:
            made[name] = found
    return made or None


def _drop(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_drop(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, inner in value.items():
        below, ends = _steps(paths, name)
        if not ends:
            made[name] = _drop(inner, below) if below else inner
    return made
