"""Whether a raw reflection shows all that a query reads of a dataset."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.reflections.match import NoMatchError

# Columns that DuckDB's own tables have beside those that were made.
_HIDDEN = {"rowid", "filename", "file_row_number", "file_index", "_row_id"}


def check(
    select: exp.Select, relation: exp.Expr, dataset: frozenset[str], kept: frozenset[str]
) -> frozenset[str]:
    """Return the dataset's columns that `select` may read through `relation` (lower case).

    `kept` are those the reflection has. A column without a table counts when the dataset has one
    of its name. Raises NoMatchError when the reflection lacks one.
    """
    for name in ("version", "pivots", "sample", "laterals"):
        if relation.args.get(name):
            raise NoMatchError(f"the query reads the dataset with {name}")
    alias = relation.args.get("alias")
    renamed = bool(alias is not None and alias.args.get("columns"))
    used: set[str] = set()
    everything = renamed
    for node in select.walk():
        if isinstance(node, exp.Star):
            everything = everything or not _counts(node)
        elif isinstance(node, exp.Column):
            names = {part.name.lower() for part in node.parts}
            used |= names
            if names & _HIDDEN - dataset:
                raise NoMatchError("the query reads a hidden column")
            if len(names) == 1 and names == {relation.alias_or_name.lower()} - dataset:
                raise NoMatchError("the query reads whole rows as values")
        elif isinstance(node, exp.Dot):
            used.add(node.expression.name.lower())
        elif isinstance(node, exp.Join):
            used |= {part.name.lower() for part in node.args.get("using") or []}
            if str(node.args.get("method") or "").upper() == "NATURAL":
                everything = True
        elif isinstance(node, exp.Columns | exp.Pivot):
            everything = True
    wanted = dataset if everything else frozenset(used & dataset)
    missing = sorted(wanted - kept)
    if missing:
        raise NoMatchError(f"it lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return wanted


def filtered_by(select: exp.Select) -> set[str]:
    """Return the columns that the query's own conditions compare."""
    where = select.args.get("where")
    return set() if where is None else {c.name.lower() for c in where.find_all(exp.Column)}


def _counts(star: exp.Star) -> bool:
    """Whether a star is that of COUNT(*)."""
    parent = star.parent
    return isinstance(parent, exp.Count) or (
        isinstance(parent, exp.Anonymous) and parent.name.upper() == "COUNT"
    )
