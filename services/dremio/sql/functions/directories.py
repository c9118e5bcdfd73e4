"""MAXDIR, MINDIR, IMAXDIR, IMINDIR: a folder's first or last subfolder by name.

`MINDIR('source', '/path')` (Dremio's reference; its examples name an HDFS source `dfs`). Ordered
by code points, with I without regard to case; NULL where there is no subfolder. The folder is
looked at when the query is planned.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Handler,
    arity,
    function_error,
    literal,
    text,
)

NAMES = ("IMAXDIR", "IMINDIR", "MAXDIR", "MINDIR")


def _directory(name: str) -> Handler:
    pick: Callable[..., str] = max if "MAX" in name else min
    order = str.lower if name.startswith("I") else str

    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        source, path = (literal(argument) for argument in arity(node, 2))
        if source is None or path is None:
            raise function_error(f"{name}: the source and the path have to be string literals")
        if context.folders is None:
            raise function_error(f"{name} is not offered here: no source can be asked")
        found = context.folders(source, tuple(part for part in path.split("/") if part))
        return text(pick(found, key=order)) if found else exp.cast(exp.Null(), "VARCHAR")

    return handler


FAMILY = Family(title="Directories", handlers={name: _directory(name) for name in NAMES})
