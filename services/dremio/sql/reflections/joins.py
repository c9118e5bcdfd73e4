"""A join that a query writes out, told to be the one that a view has.

A query that joins what a view joins, in the same way, is a query over the view; so is one that
leaves out tables whose rows the view neither drops nor repeats. What reflections on the view
answer is then decided as for any query over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from services.dremio.sql.reflections.match import NoMatchError

ALIAS = "lakelet_join"
_KEPT = "dataset"  # the resolver's mark of a node that stands for a table or view
_MOST_WAYS = 24
_OWN = ("from_", "joins", "where", "with_")

Columns = Mapping[str, frozenset[str]]


@dataclass
class Joined:
    """A FROM clause taken apart: items by alias, and the conditions that join them.

    `conditions`: of inner joins and WHERE, of which the order does not matter. `steps`: by alias
    in order, the kind of join ('' inner, 'LEFT') and its own conditions; empty without outer ones.
    """

    items: dict[str, exp.Expr]
    conditions: list[exp.Expr] = field(default_factory=list)
    steps: list[tuple[str, str, list[exp.Expr]]] = field(default_factory=list)

    @property
    def outer(self) -> bool:
        """Whether the order of the joins matters."""
        return any(kind for _, kind, _ in self.steps)


def joined(select: exp.Select) -> Joined:
    """Take a query's FROM and WHERE apart. Raises NoMatchError when they are more than joins."""
    source = select.args.get("from_")
    if source is None:
        raise NoMatchError("the query has no FROM")
    found = Joined({_alias(source.this): source.this})
    inner: list[exp.Expr] = []
    for join in select.args.get("joins") or []:
        name = _alias(join.this)
        if join.args.get("using") or join.args.get("method") or name in found.items:
            raise NoMatchError("the query joins by USING, NATURAL or one name twice")
        kind = f"{join.side or ''} {join.kind or ''}".upper().replace("OUTER", "").strip()
        if kind not in ("", "INNER", "CROSS", "LEFT"):
            raise NoMatchError(f"the query has a {kind} JOIN")
        own = _conjuncts(join.args.get("on"))
        found.items[name] = join.this
        found.steps.append((name, "LEFT" if kind == "LEFT" else "", own))
        if kind != "LEFT":
            inner += own
    where = select.args.get("where")
    found.conditions = _conjuncts(where.this if where is not None else None)
    if not found.outer:
        found.conditions += inner
    return found


def text(node: exp.Expr, columns: Columns, renamed: Mapping[str, str]) -> str:
    """Return an expression in a spelling that is the same for all that mean the same by form.

    `renamed`: the query's aliases → the view's. Raises NoMatchError for a column of anything else.
    """
    holder = exp.Paren(this=node.copy())
    for column in list(holder.find_all(exp.Column)):
        own = owner(column, columns)
        if own not in renamed:
            raise NoMatchError(f"{column.sql()} is no column of the view's tables")
        column.replace(
            exp.Column(
                this=exp.to_identifier(column.name.lower(), quoted=True),
                table=exp.to_identifier(renamed[own], quoted=True),
            )
        )
    for paren in list(holder.find_all(exp.Paren))[1:]:
        paren.replace(paren.this)
    for equal in list(holder.find_all(exp.EQ)):
        left, right = equal.this, equal.expression
        if left.sql() > right.sql():
            equal.set("this", right.copy())
            equal.set("expression", left.copy())
    return str(holder.this.sql())


def owner(column: exp.Column, columns: Columns) -> str:
    """Return the alias of the item a column belongs to. Raises NoMatchError when not plain."""
    if column.args.get("db") or isinstance(column.this, exp.Star):
        raise NoMatchError(f"{column.sql()} is no plain column")
    if column.table:
        return column.table.lower()
    found = [alias for alias, names in columns.items() if column.name.lower() in names]
    if len(found) != 1:
        raise NoMatchError(f"{column.name} may be a column of several tables, or of none")
    return found[0]


def folded(
    select: exp.Select, view: exp.Subquery, columns: Columns, removable: frozenset[str]
) -> Iterator[exp.Select]:
    """Yield `select` over `view` (a resolved view with joins), once for each way it fits.

    `columns`: those of the view's items, in lower case. `removable`: items that may be left out.
    Raises NoMatchError when no way can be.
    """
    body = view.this
    if not isinstance(body, exp.Select):
        raise NoMatchError("the view is no plain join")
    query, own = joined(select), joined(body)
    parts = [value for name, value in select.args.items() if value and name not in _OWN]
    for each in (*parts, *query.conditions):
        for one in each if isinstance(each, list) else [each]:
            if isinstance(one, exp.Expr) and any(isinstance(n, exp.Query) for n in one.walk()):
                raise NoMatchError("the query has a sub-query in an expression")
    reason = "the query joins other tables"
    fitting = False
    for number, way in enumerate(_ways(query, own, removable)):
        if number >= _MOST_WAYS:
            break
        try:
            made = _Fold(select, query, own, columns, way).made(view)
        except NoMatchError as error:
            reason = str(error)
            continue
        fitting = True
        yield made
    if not fitting:
        raise NoMatchError(reason)


def _ways(query: Joined, view: Joined, removable: frozenset[str]) -> Iterator[dict[str, str]]:
    """Yield the query's aliases → the view's, for each way to find the view's items in it."""
    shapes = {alias: _shape(item) for alias, item in query.items.items()}

    def more(left: list[str], taken: dict[str, str]) -> Iterator[dict[str, str]]:
        if not left:
            if taken:
                yield taken
            return
        wanted = _shape(view.items[left[0]])
        for alias, shape in shapes.items():
            if wanted is not None and alias not in taken and shape == wanted:
                yield from more(left[1:], {**taken, alias: left[0]})
        if left[0] in removable:
            yield from more(left[1:], taken)

    yield from more(list(view.items), {})


class _Fold:
    def __init__(
        self,
        select: exp.Select,
        query: Joined,
        view: Joined,
        columns: Columns,
        way: dict[str, str],
    ) -> None:
        self.select, self.query, self.view = select, query, view
        self.way = way
        self.columns = columns
        self.same = {alias: alias for alias in view.items}
        # The query's own items: those of other tables have columns that are not known here.
        self.known = {alias: columns[own] for alias, own in way.items()}
        self.extra = [alias for alias in query.items if alias not in way]
        self.outputs: dict[str, str] = {}

    def made(self, view: exp.Subquery) -> exp.Select:
        kept = set(self.way.values())
        for output in view.this.expressions:
            if not isinstance(output, exp.Alias):
                raise NoMatchError("the view shows every column of a table")
            self.outputs.setdefault(text(output.this, self.columns, self.same), output.alias)
        left = self._conditions(kept)
        new = self.select.copy()
        node = view.copy()
        node.set("alias", exp.TableAlias(this=exp.to_identifier(ALIAS, quoted=True)))
        new.set("from_", exp.From(this=node))
        new.set(
            "joins",
            [exp.Join(this=self.query.items[a].copy(), kind="CROSS") for a in self.extra],
        )
        names = {o.alias.lower(): o for o in self.select.expressions if isinstance(o, exp.Alias)}
        for arg, value in list(new.args.items()):
            if arg in _OWN or not value:
                continue
            aliases = names if arg != "expressions" else {}
            if isinstance(value, list):
                new.set(arg, [self._mapped(each, aliases) for each in value])
            elif isinstance(value, exp.Expr):
                new.set(arg, self._mapped(value, aliases))
        conditions = [self._mapped(each.copy(), {}) for each in left]
        new.set("where", exp.Where(this=exp.and_(*conditions)) if conditions else None)
        return new

    def _conditions(self, kept: set[str]) -> list[exp.Expr]:
        """Return the query's conditions that the view does not have."""
        if self.query.outer or self.view.outer:
            self._same_steps(kept)
        mine: dict[str, exp.Expr] = {}
        left: list[exp.Expr] = []
        for condition in self.query.conditions:
            if self._is_ours(condition):
                mine[text(condition, self.known, self.way)] = condition
            else:
                left.append(condition)
        for condition in self.view.conditions:
            tables = {owner(c, self.columns) for c in condition.find_all(exp.Column)}
            if tables <= kept and mine.pop(text(condition, self.columns, self.same), None) is None:
                raise NoMatchError(f"the query lacks the view's condition {condition.sql()}")
        return [*mine.values(), *left]

    def _same_steps(self, kept: set[str]) -> None:
        if self.extra:
            raise NoMatchError("the query joins more tables, and there are outer joins")
        first = next(iter(self.view.items))
        if self.way.get(next(iter(self.query.items))) != first:
            raise NoMatchError("the query joins in another order")
        mine = [
            (self.way[alias], kind, sorted(text(c, self.known, self.way) for c in own))
            for alias, kind, own in self.query.steps
        ]
        theirs = []
        for alias, kind, own in self.view.steps:
            if alias not in kept:
                continue
            for condition in own:
                if not {owner(c, self.columns) for c in condition.find_all(exp.Column)} <= kept:
                    raise NoMatchError("the view joins through a table the query leaves out")
            theirs.append((alias, kind, sorted(text(c, self.columns, self.same) for c in own)))
        if mine != theirs:
            raise NoMatchError("the query joins in another way")

    def _is_ours(self, node: exp.Expr) -> bool:
        """Whether all columns of an expression belong to the view's items."""
        mine = True
        for column in node.find_all(exp.Column):
            if self.extra and not column.table:
                raise NoMatchError(f"{column.name} does not say which table it belongs to")
            mine = mine and owner(column, self.known) in self.way
        return mine

    def _mapped(self, node: exp.Expr, names: Mapping[str, exp.Expr]) -> exp.Expr:
        """Return an expression of the query over the view's columns (changed in place)."""
        holder = exp.Paren(this=node)
        self._map(node, names)
        result: exp.Expr = holder.this
        result.parent = None
        return result

    def _map(self, node: exp.Expr, names: Mapping[str, exp.Expr]) -> None:
        columns = list(node.find_all(exp.Column))
        if not columns:
            if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
                raise NoMatchError("every column is asked for")
            return
        if isinstance(node, exp.Column) and self._is_name(node, names):
            return
        if not any(self._is_name(column, names) for column in columns) and self._is_ours(node):
            name = self.outputs.get(text(node, self.known, self.way))
            if name is not None:
                node.replace(
                    exp.Column(
                        this=exp.to_identifier(name, quoted=True),
                        table=exp.to_identifier(ALIAS, quoted=True),
                    )
                )
                return
        if isinstance(node, exp.Column):
            if owner(node, self.known) in self.way:
                raise NoMatchError(f"the view does not show {node.sql()}")
            return
        for child in list(node.iter_expressions()):
            self._map(child, names)

    def _is_name(self, column: exp.Column, names: Mapping[str, exp.Expr]) -> bool:
        """Whether a column is the name of a result's column (GROUP BY, HAVING, ORDER BY)."""
        if column.table or column.name.lower() not in names:
            return False
        if any(column.name.lower() in known for known in self.known.values()):
            output = names[column.name.lower()].this
            if isinstance(output, exp.Column) and output.name.lower() == column.name.lower():
                return False  # both mean the same
            raise NoMatchError(f"{column.name} may be a column or a result's name")
        return True


def _alias(item: exp.Expr) -> str:
    alias = item.args.get("alias")
    altered = any(item.args.get(n) for n in ("version", "pivots", "sample", "laterals", "joins"))
    if altered or (alias is not None and alias.args.get("columns")) or not item.alias_or_name:
        raise NoMatchError("the query reads a table in a way of its own")
    return str(item.alias_or_name).lower()


def _shape(item: exp.Expr) -> str | None:
    """Return what an item reads, without its name; None when it is no table or view."""
    if _KEPT not in (item._meta or {}):
        return None
    copy = item.copy()
    copy.set("alias", None)
    return str(copy.sql())


def _conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    if condition is None:
        return []
    if isinstance(condition, exp.Paren):
        return _conjuncts(condition.this)
    if isinstance(condition, exp.And):
        return [*_conjuncts(condition.left), *_conjuncts(condition.right)]
    if isinstance(condition, exp.Boolean) and condition.this is True:
        return []
    return [condition]
