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
    "IDENTITY", "LOCAL_TIMESTAMP",
))  # fmt: skip
# Answers that depend on the order rows happen to come in.
ORDERED = frozenset((
    "ROW_NUMBER", "NTILE", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "FIRST",
    "LAST", "ANY_VALUE", "SINGLE_VALUE", "ARRAY_AGG", "COLLECT", "LISTAGG", "STRING_AGG",
    "GROUP_CONCAT", "MODE", "APPROX_PERCENTILE", "ARG_MIN", "ARG_MAX", "MIN_BY", "MAX_BY",
    "SAMPLE", "APPROX_QUANTILE",
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
            if parent is None or parent.args.get("order") is None:
                return "LIMIT without ORDER BY"
    return ""
