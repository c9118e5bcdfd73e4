"""Columns named by their table's whole path: `SELECT space.folder.t.c FROM space.folder.t`."""

from __future__ import annotations

from sqlglot import exp


def strip_prefixes(tree: exp.Expression) -> None:
    """Shorten such columns to `t.c`, in place; struct fields (`t.c.field`) stay as they are."""
    deep = {
        tuple(part.name.lower() for part in table.parts)
        for table in tree.find_all(exp.Table)
        if len(table.parts) > 1 and all(isinstance(p, exp.Identifier) for p in table.parts)
    }
    if not deep:
        return
    for node in list(tree.find_all(exp.Column)):
        whole: exp.Expr = node
        while isinstance(whole.parent, exp.Dot) and whole.parent.this is whole:
            whole = whole.parent
        parts = _identifiers(whole)
        if parts is None or len(parts) < 3:
            continue
        names = [part.name.lower() for part in parts]
        for length in range(len(parts) - 1, 1, -1):
            if tuple(names[:length]) in deep:
                table = parts[length - 1].copy()
                column: exp.Expr = exp.Column(this=parts[length].copy(), table=table)
                for field in parts[length + 1 :]:
                    column = exp.Dot(this=column, expression=field.copy())
                whole.replace(column)
                break


def _identifiers(node: exp.Expr) -> list[exp.Expr] | None:
    if isinstance(node, exp.Column):
        return list(node.parts)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier | exp.Star):
        before = _identifiers(node.this)
        return None if before is None else [*before, node.expression]
    return None
