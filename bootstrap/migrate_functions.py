"""Dremio's functions that users wrote: read from the catalog, made again by CREATE FUNCTION.

Facts: docs.dremio.com, Catalog API, user-defined function: `functionArgList` and, of a tabular
function, `returnType` are lists of `"name" TYPE`; `functionBody` is what stands after RETURN.
`sqlContext` (what names without a path in the body refer to) is our own engine's to tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bootstrap.clients.dremio import Dremio


@dataclass(frozen=True)
class Function:
    """A function; `arguments` and `returns` as SQL."""

    path: tuple[str, ...]
    arguments: str
    returns: str
    body: str
    context: tuple[str, ...]


def function_of(entity: dict[str, Any]) -> Function:
    """Return the function that an entity of the catalog describes."""
    returns = entity["returnType"]
    return Function(
        tuple(entity["path"]),
        entity.get("functionArgList") or "",
        returns if entity["isScalar"] else f"TABLE ({returns})",
        entity["functionBody"],
        tuple(entity.get("sqlContext") or ()),
    )


def ensure_function(dremio: Dremio, function: Function) -> bool:
    """Make a function; say whether it was missing. Raises PermanentError with Dremio's words."""
    if dremio.by_path(*function.path) is not None:
        return False
    dremio.sql(
        f"CREATE FUNCTION {dotted(function.path)} ({function.arguments}) "
        f"RETURNS {function.returns} RETURN {function.body}",
        context=function.context,
    )
    return True


def dotted(path: Iterable[str]) -> str:
    """Return a path as SQL, every name quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in path)
