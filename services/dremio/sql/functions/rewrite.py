"""The translation of a parsed statement's functions and operators to DuckDB's.

It is a list of what is allowed: a call is answered by a family's table or refused, so that none
of DuckDB's own functions (files, environment, settings) can be reached from a statement.
"""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions import (
    arrays,
    datetime_arithmetic,
    datetime_parts,
    flatten,
    math,
    quotients,
    regex,
    sketches,
    types,
    windows,
)
from services.dremio.sql.functions.catalogue import BY_NAME
from services.dremio.sql.functions.registry import (
    Context,
    arity,
    call,
    function_error,
    literal,
    macro,
)
from services.dremio.sql.functions.session import WITHOUT_PARENTHESES
from services.dremio.state.errors import DremioError, ErrorKind

# Function nodes that come from a syntax of their own and mean the same in DuckDB.
_SAME = (
    exp.And,
    exp.Array,
    exp.Any,
    exp.Case,
    exp.Count,
    exp.Exists,
    exp.If,
    exp.Or,
    exp.Sum,
    exp.Unnest,
    exp.Xor,
)


def rewrite(tree: exp.Expr, context: Context | None = None) -> exp.Expr:
    """Return `tree`, parsed with this package's dialect, with every function made DuckDB's.

    The tree is changed in place. Raises DremioError (VALIDATION) naming a function that is not
    Dremio's or not offered here, DremioError (FUNCTION) for a call that cannot be answered.
    """
    context = context or Context()
    # Children come before parents; nodes made on the way are not visited again.
    for node in reversed(list(tree.walk(bfs=False))):
        new = _translated(node, context)
        if new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree


def unknown(name: str) -> DremioError:
    """Return the error for a function that there is not, in the validator's words."""
    return DremioError(
        ErrorKind.VALIDATION, f"No match found for function signature {name.upper()}"
    )


def _translated(node: exp.Expr, context: Context) -> exp.Expr:
    match node:
        case exp.Anonymous():
            return _call(node, context)
        case exp.Cast():  # TRY_CAST too
            return types.cast(node)
        case exp.Column():
            return _bare_name(node, context)
        case exp.Div():
            return quotients.divide(node)
        case exp.Mod():
            return math.remainder(node.this, node.expression)
        case exp.Bracket():
            return _bracket(node)
        case exp.Like() | exp.ILike() if node.args.get("negate") and isinstance(
            node.expression, exp.Any
        ):
            # NOT LIKE ANY (…) is the opposite of LIKE ANY (…), not "unlike one of them".
            opposite = node.copy()
            opposite.set("negate", None)
            return exp.Not(this=exp.Paren(this=opposite))
        case exp.Extract():
            return datetime_parts.part(node.name, node.expression)
        case exp.Floor() | exp.Ceil():
            return _round(node)
        case exp.Trim():
            return _trim(node)
        case exp.Substring():
            start, length = node.args.get("start"), node.args.get("length")
            return macro("SUBSTRING", *(n for n in (node.this, start, length) if n is not None))
        case exp.StrPosition():
            substring, position = node.args["substr"], node.args.get("position")
            return macro("LOCATE", *(n for n in (substring, node.this, position) if n is not None))
        case exp.Overlay():
            pieces = (node.this, node.expression, node.args["from_"], node.args.get("for_"))
            return macro("_OVERLAY", *(n for n in pieces if n is not None))
        case exp.Filter() | exp.Window() if node.this.name in sketches.OVER_A_LIST:
            return sketches.inward(node)
        case exp.IgnoreNulls() | exp.RespectNulls():
            return windows.of_nulls(node)
        case exp.Interval() if isinstance(node.unit, exp.IntervalSpan) and node.this is not None:
            return datetime_arithmetic.interval_span(node)
        case exp.Select():
            return flatten.cross(node)
        case exp.WithinGroup():
            return _within_group(node)
        case exp.Overlaps():
            return datetime_arithmetic.overlaps(node.this, node.expression)
        case exp.SimilarTo() if not isinstance(node.parent, exp.Escape):
            return regex.similar(node.this, node.expression, None)
        case exp.Escape() if isinstance(node.this, exp.SimilarTo):
            return regex.similar(node.this.this, node.this.expression, node.expression)
        case exp.Lambda() | exp.Kwarg():
            raise function_error(f"not understood as an argument: {node.sql()}")
        case exp.Func():
            if type(node) not in _SAME:
                raise unknown(node.sql_name())
    return node


def _call(node: exp.Anonymous, context: Context) -> exp.Expr:
    name = node.name.upper()
    family = BY_NAME.get(name)
    if family is None or isinstance(node.parent, exp.Dot):
        raise unknown(name)
    for argument in node.expressions:
        if isinstance(argument, exp.IgnoreNulls | exp.RespectNulls):
            argument.replace(argument.this)
            return windows.of_nulls(type(argument)(this=_call(node, context)))
    if name in family.handlers:
        return family.handlers[name](node, context)
    if name in family.native:
        return call(family.native[name], *node.expressions)
    return macro(name, *node.expressions)


def _bare_name(node: exp.Column, context: Context) -> exp.Expr:
    """`CURRENT_DATE`, `USER` …: functions without parentheses."""
    identifier = node.this
    name = node.name.upper()
    if (
        name not in WITHOUT_PARENTHESES
        or node.table
        or not isinstance(identifier, exp.Identifier)
        or identifier.quoted
    ):
        return node
    return _call(exp.Anonymous(this=name), context)


def _bracket(node: exp.Bracket) -> exp.Expr:
    """`MAP[key, value, …]`, `array[0]`, `map['key']`, `struct['field']`."""
    if isinstance(node.this, exp.Column) and node.this.name.upper() == "MAP":
        return arrays.build_map(node.expressions)
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise function_error(f"not understood: {node.sql()}")
    index = node.expressions[0]
    if literal(index) is not None:
        return exp.Bracket(this=exp.Paren(this=node.this), expressions=[index], offset=1)
    return macro("_ITEM", node.this, index)


def _round(node: exp.Floor | exp.Ceil) -> exp.Expr:
    """FLOOR and CEIL of a number, or FLOOR(moment TO unit)."""
    unit = node.args.get("to")
    if unit is None:
        return node
    if isinstance(node, exp.Ceil):
        raise function_error("CEIL(… TO …) is not offered; FLOOR(… TO …) is")
    return datetime_parts.truncate(unit.name, node.this)


def _trim(node: exp.Trim) -> exp.Expr:
    side = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(
        str(node.args.get("position") or "").upper(), "BTRIM"
    )
    return macro(side, *(n for n in (node.this, node.expression) if n is not None))


def _within_group(node: exp.WithinGroup) -> exp.Expr:
    """DuckDB takes the order inside the parentheses; percentiles are quantiles there."""
    aggregate, order = node.this, node.expression
    if not isinstance(aggregate, exp.Anonymous):
        raise function_error(f"WITHIN GROUP does not go with {aggregate.sql()}")
    arguments = arity(aggregate, 1, 2)
    if aggregate.name in _QUANTILES:
        ordered = order.expressions[0]
        share = arguments[0]
        if ordered.args.get("desc"):
            share = exp.Paren(this=exp.Sub(this=exp.Literal.number(1), expression=share))
        return call(_QUANTILES[aggregate.name], ordered.this, share)
    last = arguments[-1]
    ordered = exp.Order(this=last.copy(), expressions=[e.copy() for e in order.expressions])
    return call(aggregate.name, *(a.copy() for a in arguments[:-1]), ordered)


_QUANTILES = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc"}
