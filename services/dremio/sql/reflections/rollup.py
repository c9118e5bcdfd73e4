"""Moves an aggregating query onto the rows of an aggregation reflection."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from services.dremio.sql.reflections import days
from services.dremio.sql.reflections.determinism import function
from services.dremio.sql.reflections.match import NoMatchError, Seen, is_aggregate, resolved

_KEPT = {
    "expressions", "from_", "where", "group", "having", "order", "limit", "offset", "fetch",
    "distinct", "with_",
}  # fmt: skip
_OF_SETS = ("NDV", "APPROX_COUNT_DISTINCT", "APPROX_DISTINCT")


@dataclass(frozen=True)
class Kept:
    """What an aggregation reflection holds, by the dataset's columns in lower case.

    `dimensions`, `days`: the segment's column. `measures`: the segment's column of (column,
    sum|count|min|max|avg|distinct). `scales`: by column, the decimal scale of an average's
    sum. `columns`: all columns of the dataset. `reasons`: why a column's sum is not kept.
    """

    columns: frozenset[str]
    dimensions: dict[str, str]
    days: dict[str, str]
    measures: dict[tuple[str, str], str]
    rows: str
    scales: dict[str, int]
    reasons: dict[str, str]


def is_aggregating(select: exp.Select) -> bool:
    """Whether a query groups, aggregates or removes duplicates."""
    if select.args.get("group") or select.args.get("distinct"):
        return True
    return any(is_aggregate(n) for output in select.expressions for n in output.walk())


def rolled_up(select: exp.Select, seen: Seen, kept: Kept) -> exp.Select:
    """Return `select` over the reflection's rows; its FROM is left to the caller.

    Raises NoMatchError when the reflection cannot answer it.
    """
    extra = [n for n, v in select.args.items() if v and n not in _KEPT]
    if extra:
        raise NoMatchError(f"the query has {', '.join(sorted(extra))}")
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        raise NoMatchError("the query has DISTINCT ON")
    return _Rollup(select, seen, kept).made()


class _Rollup:
    def __init__(self, select: exp.Select, seen: Seen, kept: Kept) -> None:
        self.select = select
        self.seen = seen
        self.kept = kept
        self.alias = select.args["from_"].this.alias_or_name
        self.outputs: dict[str, exp.Expr] = {}

    def made(self) -> exp.Select:
        new = self.select.copy()
        outputs = []
        for output in self.select.expressions:
            if not isinstance(output, exp.Alias):
                raise NoMatchError("every column is asked for")
            value = self.value(output.this)
            self.outputs[output.alias.lower()] = value
            outputs.append(exp.alias_(value.copy(), output.alias, quoted=True))
        new.set("expressions", outputs)
        conditions = [self.dims(each.copy()) for each in self.seen.filters]
        where = self.select.args.get("where")
        if where is not None:
            conditions.append(self.dims(resolved(self.seen, self.alias, where.this)))
        new.set("where", exp.Where(this=exp.and_(*conditions)) if conditions else None)
        self._group(new)
        having = self.select.args.get("having")
        if having is not None:
            new.set("having", exp.Having(this=self.value(having.this, aliases=True)))
        order = self.select.args.get("order")
        if order is not None:
            copy = order.copy()
            for item, own in zip(order.expressions, copy.expressions, strict=True):
                own.set("this", self._ordered(item.this))
            new.set("order", copy)
        return new

    def _group(self, new: exp.Select) -> None:
        group = self.select.args.get("group")
        if group is None:
            return
        if any(v for n, v in group.args.items() if n != "expressions"):
            raise NoMatchError("the query groups by sets")
        items: list[exp.Expr] = []
        for item in group.expressions:
            if isinstance(item, exp.Literal) and not item.is_string:
                items.append(item.copy())
                continue
            if isinstance(item, exp.Tuple | exp.Cube | exp.Rollup | exp.GroupingSets):
                raise NoMatchError("the query groups by sets")
            items.append(self.value(item, aliases=True, plain=True))
        new.set("group", exp.Group(expressions=items))

    def _ordered(self, item: exp.Expr) -> exp.Expr:
        if isinstance(item, exp.Literal) and not item.is_string:
            return item.copy()
        if isinstance(item, exp.Column) and not item.table and item.name.lower() in self.outputs:
            return item.copy()  # ORDER BY takes a result column's name first
        for node in item.find_all(exp.Column):
            if not node.table and node.name.lower() in self.outputs:
                raise NoMatchError(f"ORDER BY computes with {node.name}")
        value = self.value(item)
        if isinstance(value, exp.Literal):
            raise NoMatchError("a constant would be read as a position in ORDER BY")
        return value

    def value(self, node: exp.Expr, *, aliases: bool = False, plain: bool = False) -> exp.Expr:
        """Return an expression of the select list, HAVING, GROUP BY or ORDER BY, rewritten.

        `aliases`: names of the select list stand for their expressions where the dataset has no
        column of that name. `plain`: no aggregate may be in it.
        """
        named: dict[str, exp.Expr] = {}
        if aliases:
            node = self._with_names(node, named)
        found = resolved(self.seen, self.alias, node)
        if plain and any(is_aggregate(n) for n in found.walk()):
            raise NoMatchError("the query groups by an aggregate")
        done = exp.Paren(this=self._mixed(found))
        for name in list(done.find_all(exp.Var)):
            if name.name in named:
                name.replace(named[name.name].copy())
        result: exp.Expr = done.this
        result.parent = None
        if plain and isinstance(result, exp.Literal):
            raise NoMatchError("a constant would be read as a position in GROUP BY")
        return result

    def _with_names(self, node: exp.Expr, named: dict[str, exp.Expr]) -> exp.Expr:
        holder = exp.Paren(this=node.copy())
        for inner in list(holder.find_all(exp.Column)):
            output = self.outputs.get(inner.name.lower())
            if inner.table or output is None:
                continue
            shown = self._shown(inner.name)
            if shown is None:
                mark = f"lakelet name {len(named)}"
                named[mark] = output
                inner.replace(exp.Var(this=mark))
            elif inner.parent is not holder and not self._same(shown, output):
                raise NoMatchError(f"{inner.name} may be a column or a result's name")
        result: exp.Expr = holder.this
        result.parent = None
        return result

    def _shown(self, name: str) -> exp.Expr | None:
        """Return what a name is in the dataset, None when it is nothing there."""
        try:
            shown = self.seen.show(name)
        except NoMatchError:
            return None
        if isinstance(shown, exp.Column) and shown.name.lower() not in self.kept.columns:
            return None
        return shown

    def _same(self, shown: exp.Expr, output: exp.Expr) -> bool:
        try:
            return bool(self.dims(shown.copy()) == output)
        except NoMatchError:
            return False

    def _mixed(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Window | exp.Filter | exp.WithinGroup):
            raise NoMatchError(f"the query has {type(node).__name__.upper()}")
        if is_aggregate(node):
            return self._aggregate(node)
        if isinstance(node, exp.Column) or days.of_day(node) or days.cut_at_midnight(node):
            return self.dims(node)
        if isinstance(node, exp.Query):
            raise NoMatchError("the query has a sub-query in an expression")
        for child in list(node.iter_expressions()):
            new = self._mixed(child)
            if new is not child:
                child.replace(new)
        return node

    def dims(self, node: exp.Expr) -> exp.Expr:
        """Return an expression over the dataset's columns, over the dimensions instead."""
        if is_aggregate(node) or isinstance(node, exp.Window | exp.Query):
            raise NoMatchError(f"a condition has {type(node).__name__.upper()}")
        if isinstance(node, exp.Column):
            own = self.kept.dimensions.get(node.name.lower())
            if own is None:
                by_day = node.name.lower() in self.kept.days
                raise NoMatchError(
                    f"{node.name} is kept by the day"
                    if by_day
                    else f"{node.name} is no dimension of it"
                )
            return exp.Column(this=exp.to_identifier(own, quoted=True))
        value = days.of_day(node) or days.cut_at_midnight(node)
        if value is not None and value.name.lower() not in self.kept.dimensions:
            own = self.kept.days.get(value.name.lower())
            if own is not None:
                value.replace(exp.Column(this=exp.to_identifier(own, quoted=True)))
                return node
        for child in list(node.iter_expressions()):
            new = self.dims(child)
            if new is not child:
                child.replace(new)
        return node

    def _aggregate(self, node: exp.Expr) -> exp.Expr:
        name = function(node)
        arguments = _arguments(node)
        if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
            if name not in ("COUNT", "MIN", "MAX"):
                raise NoMatchError(f"{name}(DISTINCT …) cannot be rolled up")
            return self._over_dims(node)
        if name == "COUNT" and (not arguments or _is_constant(arguments[0])):
            return _raw(f"CAST(COALESCE(SUM({_quoted(self.kept.rows)}), 0) AS BIGINT)")
        if len(arguments) != 1:
            raise NoMatchError(f"{name} of several values cannot be rolled up")
        argument = arguments[0]
        while isinstance(argument, exp.Paren):
            argument = argument.this
        if isinstance(argument, exp.Column):
            found = self._measure(name, argument.name.lower())
            if found is not None:
                return found
        if name in ("MIN", "MAX", *_OF_SETS):
            return self._over_dims(node)
        what = argument.name.lower() if isinstance(argument, exp.Column) else argument.sql()
        reason = self.kept.reasons.get(what)
        raise NoMatchError(f"{name}({what}) is not kept in it" + (f": {reason}" if reason else ""))

    def _measure(self, name: str, column: str) -> exp.Expr | None:
        measures = self.kept.measures
        if name == "COUNT":
            own = measures.get((column, "count"))
            if own is not None:
                return _raw(f"CAST(COALESCE(SUM({_quoted(own)}), 0) AS BIGINT)")
            dim = self.kept.dimensions.get(column) or self.kept.days.get(column)
            if dim is not None:
                rows = f"SUM({_quoted(self.kept.rows)}) FILTER ({_quoted(dim)} IS NOT NULL)"
                return _raw(f"CAST(COALESCE({rows}, 0) AS BIGINT)")
            return None
        if name == "AVG":
            total, count = measures.get((column, "avg")), measures.get((column, "count"))
            if total is None or count is None or column not in self.kept.scales:
                return None
            by = f"CAST(SUM({_quoted(count)}) * {10 ** self.kept.scales[column]} AS DOUBLE)"
            return _raw(f"(SUM({_quoted(total)}) / {by})")
        if name in _OF_SETS:
            own = measures.get((column, "distinct"))
            if own is None:
                return None
            merged = f"list_reduce(list({_quoted(own)}), lambda a, b: combine(a, b))"
            return _raw(f"COALESCE(finalize({merged}), 0)")
        if name in ("SUM", "MIN", "MAX"):
            own = measures.get((column, name.lower()))
            return _raw(f"{name}({_quoted(own)})") if own is not None else None
        return None

    def _over_dims(self, node: exp.Expr) -> exp.Expr:
        for child in list(node.iter_expressions()):
            new = self.dims(child)
            if new is not child:
                child.replace(new)
        return node


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    first = [node.this] if isinstance(node.this, exp.Expr) else []
    return [*first, *node.expressions]


def _is_constant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star | exp.Literal)


def _raw(sql: str) -> exp.Expr:
    """Return DuckDB's own text as a node that no later translation touches."""
    return exp.Var(this=sql)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
