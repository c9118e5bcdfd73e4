"""Whether a query's answer depends on anything but its tables' rows."""

from __future__ import annotations

from sqlglot import exp

# Answers that change from one moment, session or run to the next.
VOLATILE = frozenset((
    "NOW", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_DATE_UTC",
    "CURRENT_TIME_UTC", "LOCALTIME", "LOCALTIMESTAMP", "UNIX_TIMESTAMP", "CURDATE", "CURTIME",
    "SYSDATE", "STATEMENT_TIMESTAMP", "TRANSACTION_TIMESTAMP", "TIMEOFDAY", "RAND", "RANDOM",
    "UUID", "GEN_RANDOM_UUID", "USER", "SESSION_USER", "SYSTEM_USER", "CURRENT_USER",
    "QUERY_USER", "CURRENT_SCHEMA", "IS_MEMBER", "LAST_QUERY_ID", "VERSION", "ROWNUM",
    "IDENTITY", "LOCAL_TIMESTAMP", "MAXDIR", "MINDIR", "IMAXDIR", "IMINDIR",
))  # fmt: skip
# Answers that depend on the order rows happen to come in.
ORDERED = frozenset((
    "ROW_NUMBER", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "FIRST",
    "LAST", "ANY_VALUE", "SINGLE_VALUE", "ARRAY_AGG", "COLLECT", "LISTAGG", "STRING_AGG",
    "GROUP_CONCAT", "MODE", "APPROX_PERCENTILE", "ARG_MIN", "ARG_MAX", "MIN_BY", "MAX_BY",
    "SAMPLE", "APPROX_QUANTILE",
    "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP", "CORR", "COVAR_POP",
    "COVAR_SAMP", "REGR_AVGX", "REGR_AVGY", "REGR_INTERCEPT", "REGR_R2", "REGR_SLOPE", "REGR_SXX",
    "REGR_SXY", "REGR_SYY",
))  # fmt: skip


def function(node: exp.Expr) -> str:
    """Return the upper-case name of a call, '' for anything else."""
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    if isinstance(node, exp.Func):
        return str(node.sql_name()).upper()
    return ""


def volatile(tree: exp.Expr) -> str:
    """Return the name of what makes the query's answer change by itself, '' when nothing does."""
    for node in tree.walk():
        name = function(node)
        if name in VOLATILE:
            return name
        if (
            isinstance(node, exp.Column)
            and not node.table
            and isinstance(node.this, exp.Identifier)
            and not node.this.quoted
            and node.name.upper() in VOLATILE
        ):
            return node.name.upper()
        if isinstance(node, exp.TableSample):
            return "TABLESAMPLE"
    return ""


def order_dependent(tree: exp.Expr) -> str:
    """Return what lets the order of rows show in the answer, '' when nothing does."""
    for node in tree.walk():
        name = function(node)
        if name in ORDERED:
            return name
        if isinstance(node, exp.Limit | exp.Offset | exp.Fetch):
            parent = node.parent
            if isinstance(parent, exp.Select) and _is_one_row(parent):
                continue
            if parent is None or parent.args.get("order") is None:
                return "LIMIT without ORDER BY"
    return ""


_MANY_ROWS = ("FLATTEN", "UNNEST", "EXPLODE")


def _is_one_row(select: exp.Select) -> bool:
    """Whether a query sums all rows up to one: whatever its LIMIT, no order shows."""
    from services.dremio.sql.reflections.match import is_aggregate

    if select.args.get("group") or select.args.get("windows") or select.args.get("qualify"):
        return False
    found = False
    for output in select.expressions:
        for node in output.walk():
            if isinstance(node, exp.Window | exp.Query) or function(node) in _MANY_ROWS:
                return False
            found = found or is_aggregate(node)
    return found


_EXACT = (
    exp.Column, exp.Identifier, exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren,
    exp.Case, exp.If, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Null, exp.Boolean, exp.Distinct,
    exp.Predicate, exp.TableAlias,
)  # fmt: skip
_ALIKE = ("COALESCE", "NVL", "NULLIF", "GREATEST", "LEAST", "ABS")


def floating_sum(tree: exp.Expr, floating: frozenset[str]) -> str:
    """Return the SUM or AVG whose last digits may depend on the order of rows, '' when none does.

    `floating`: names (lower case) of FLOAT and DOUBLE columns. What is computed is taken for
    floating-point unless it plainly is not.
    """
    sums = [node for node in tree.walk() if function(node) in ("SUM", "AVG", "SUM0")]
    if not sums:
        return ""
    names = set(floating)
    aliases = list(tree.find_all(exp.Alias))
    grown = True
    while grown:
        grown = False
        for alias in aliases:
            name = alias.alias.lower()
            if name not in names and not _is_exact(alias.this, names):
                names.add(name)
                grown = True
    for node in sums:
        parts = list(node.iter_expressions())
        if not all(_is_exact(part, names) for part in parts):
            return str(node.sql())
    return ""


def _is_exact(node: exp.Expr, floating: set[str]) -> bool:
    """Whether a number is surely an integer or a decimal: their sums come out the same always."""
    for each in node.walk():
        if isinstance(each, exp.Column):
            if any(part.name.lower() in floating for part in each.parts):
                return False
        elif isinstance(each, exp.Literal):
            if not each.is_string and "e" in each.name.lower():
                return False
        elif isinstance(each, exp.Cast | exp.DataType | exp.DataTypeParam):
            if isinstance(each, exp.Cast) and each.to.this in (exp.DType.DOUBLE, exp.DType.FLOAT):
                return False
        elif isinstance(each, exp.Anonymous) or function(each) in ("SUM", "COUNT"):
            exact = (*_ALIKE, "SUM", "COUNT", "MIN", "MAX", "DATE_TRUNC", "YEAR", "UPPER", "LOWER")
            if function(each) not in exact:
                return False
        elif not isinstance(each, _EXACT):
            return False
    return True
