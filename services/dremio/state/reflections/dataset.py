"""A dataset as a reflection reads it: its query, the tables under it, and their states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from services.dremio.sql.guards import holds_guarded
from services.dremio.sql.reflections.determinism import order_dependent, volatile
from services.dremio.sql.reflections.match import NoMatchError, is_aggregate, seen_in
from services.dremio.sql.resolve import resolve
from services.dremio.sql.tokens import parse_tokens, tokenize
from services.dremio.sql.translate import to_duckdb
from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.execute.run import Run
from services.dremio.state.reflections import sources
from services.dremio.state.reflections.sources import Now
from services.dremio.state.session import Session, User

DATASET = "dataset"
"""The key in a node's `meta` under which the resolver keeps the path of a view or table."""
SYSTEM = Session(User("00000000-0000-0000-0000-000000000000", "$dremio$", admin=True))


@dataclass
class Dataset:
    """A dataset's resolved query (`tree`), and what it came upon."""

    path: Path
    tree: exp.Expression
    relations: tuple[Path, ...]
    views: dict[str, str]
    tables: dict[str, Now]
    linear: bool


def open_dataset(
    core: Core, cursor: duckdb.DuckDBPyConnection, path: Path, *, ordered: bool = True
) -> Dataset:
    """Resolve a dataset's query and read the states of its tables.

    Raises DremioError when it cannot be reflected; without `ordered` not for a dataset whose rows
    depend on their order alone: Dremio takes definitions on those, so they can be made here too.
    """
    tree = resolve(_select(path), (), Run(core, SYSTEM, cursor))
    if holds_guarded(tree):
        raise validation(
            f"'{'.'.join(path)}' cannot be reflected: what it reads has row-access or "
            "column-masking policies"
        )
    relations = relations_in(tree)
    views: dict[str, str] = {}
    tables: dict[str, Now] = {}
    for each in relations:
        entity = core.entities.get(each)
        if entity is not None and entity.kind == "VIEW":
            views[key(each)] = entity.tag
            continue
        now = tables.get(key(each)) or sources.read(core.catalog, each)
        if now is None:
            raise validation(f"'{'.'.join(each)}' cannot be reflected: it is no table of a source")
        tables[key(each)] = now
    changing = volatile(tree) or (ordered and order_dependent(tree))
    if changing:
        raise validation(
            f"'{'.'.join(path)}' cannot be reflected: its answer is not decided by its tables' "
            f"rows alone ({changing})"
        )
    if any(table.args.get("version") for table in tree.find_all(exp.Table)):
        raise validation(f"'{'.'.join(path)}' cannot be reflected: it reads a table's past")
    return Dataset(path, tree, relations, views, tables, _is_linear(tree))


def resolved_view(core: Core, cursor: duckdb.DuckDBPyConnection, path: Path) -> exp.Subquery:
    """Return a view as it stands in the FROM of a resolved query. Raises DremioError."""
    tree = resolve(_select(path), (), Run(core, SYSTEM, cursor))
    source = tree.args["from_"].this
    if not isinstance(source, exp.Subquery):
        raise validation(f"'{'.'.join(path)}' is no view")
    return source


def relations_in(tree: exp.Expr) -> tuple[Path, ...]:
    """Return the paths of the views and tables that a resolved query came upon, in order."""
    return tuple(node.meta[DATASET] for node in tree.walk() if _tagged(node))


def tables_in(tree: exp.Expr) -> list[exp.Table]:
    """Return the nodes of a resolved query that stand for stored tables."""
    return [node for node in tree.find_all(exp.Table) if _tagged(node)]


def pinned(dataset: Dataset) -> str:
    """Return DuckDB's SQL of the dataset as of the states that were read. Raises DremioError."""
    tree = dataset.tree.copy()
    for table in tables_in(tree):
        pin(table, dataset.tables[key(table.meta[DATASET])].source.snapshot)
    return to_duckdb(tree)


def pin(table: exp.Table, snapshot: int) -> None:
    """Make the query read the table as of a snapshot (an empty table has none to name)."""
    if snapshot:
        table.set("version", exp.Var(this=f"AT (VERSION => {snapshot})"))


def over(dataset: Dataset, rows: str) -> str:
    """Return DuckDB's SQL of a linear dataset with its one table's rows from the query `rows`."""
    tree = dataset.tree.copy()
    for table in tables_in(tree):
        table.replace(exp.Subquery(this=exp.Var(this=rows), alias=table.args["alias"]))
    return to_duckdb(tree)


def plain_columns(dataset: Dataset, names: Iterable[str]) -> dict[str, str]:
    """Return which of a linear dataset's columns `names` are its one table's as they are.

    By the table's column (lower case), the dataset's.
    """
    (path,) = [p for p in dataset.relations if key(p) in dataset.tables]
    source = dataset.tree.args["from_"].this
    found: dict[str, str] = {}
    for seen in seen_in(source):
        if key(seen.path) != key(path):
            continue
        for name in names:
            try:
                shown = seen.show(name)
            except NoMatchError:
                continue
            if isinstance(shown, exp.Column):
                found.setdefault(shown.name.lower(), name)
    return found


def _tagged(node: exp.Expr) -> bool:
    return isinstance(node, exp.Table | exp.Subquery) and DATASET in (node._meta or ())


def _select(path: Path) -> exp.Expression:
    text = f"SELECT * FROM {'.'.join(quoted(part) for part in path)}"  # noqa: S608 - quoted
    return parse_tokens(tokenize(text), text)


_NOT_LINEAR = (
    exp.Join, exp.Group, exp.Distinct, exp.Limit, exp.Offset, exp.Window, exp.SetOperation,
    exp.With, exp.Lateral, exp.Unnest, exp.Having, exp.Qualify, exp.Pivot, exp.Exists,
    exp.AggFunc, exp.Values,
)  # fmt: skip


def _is_linear(tree: exp.Expr) -> bool:
    """Whether the query treats each row of one table by itself: it filters and computes."""
    if len(tables_in(tree)) != 1:
        return False
    for node in tree.walk():
        if isinstance(node, _NOT_LINEAR):
            return False
        if is_aggregate(node):
            return False
        if isinstance(node, exp.Select) and not isinstance(
            node.parent, exp.Subquery | exp.Paren | None
        ):
            return False
        if isinstance(node, exp.Subquery) and not isinstance(node.parent, exp.From):
            return False
    return True
