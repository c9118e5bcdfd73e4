"""The functions that users wrote: how an entity keeps one, and reading it again."""

from __future__ import annotations

from typing import Any

from services.dremio.sql.parse_function import body, data_type
from services.dremio.sql.statements import CreateFunction, Path
from services.dremio.sql.user_functions import Function
from services.dremio.state.catalog.entities import Entity

_KEPT = 1000


class Functions:
    """Entities → functions, parsed once for each version of an entity."""

    def __init__(self) -> None:
        self._parsed: dict[str, Function] = {}

    def of(self, entity: Entity) -> Function:
        """Return the function that an entity of kind FUNCTION keeps."""
        known = self._parsed.get(entity.tag)
        if known is None:
            if len(self._parsed) > _KEPT:
                self._parsed.clear()
            known = self._parsed[entity.tag] = read(entity.path, entity.body)
        return known


def stored(statement: CreateFunction, context: Path, owner: str) -> dict[str, Any]:
    """Return the body of the entity that keeps a function."""
    return {
        "sql": statement.text,
        "context": list(context),
        "parameters": [[p.name, p.args["kind"].sql("dremio")] for p in statement.parameters],
        "returns": statement.returns,
        "table": [[c.name, c.args["kind"].sql("dremio")] for c in statement.table],
        "owner": owner,
    }


def read(path: Path, kept: dict[str, Any]) -> Function:
    """Return the function that an entity's body describes. Raises DremioError (PARSE)."""
    return Function(
        path=path,
        parameters=tuple((name, data_type(kind)) for name, kind in kept["parameters"]),
        returns=data_type(kept["returns"]) if kept["returns"] else None,
        table=tuple((name, data_type(kind)) for name, kind in kept["table"]),
        body=body(kept["sql"]),
        context=tuple(kept.get("context") or ()),
    )
