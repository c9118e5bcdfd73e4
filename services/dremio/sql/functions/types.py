"""Types: what a value is, whether it could be another, and casts."""

from __future__ import annotations

from sqlglot import exp

from services.dremio.sql.functions.datetime_arithmetic import interval
from services.dremio.sql.functions.registry import Family, macro, number

# DuckDB's name of a type → Dremio's (TYPEOF prints the execution types of Arrow's vectors).
_NAMES = {
    "BOOLEAN": "BIT",
    "TINYINT": "INT",
    "SMALLINT": "INT",
    "INTEGER": "INT",
    "BIGINT": "BIGINT",
    "HUGEINT": "BIGINT",
    "FLOAT": "FLOAT4",
    "DOUBLE": "FLOAT8",
    "VARCHAR": "VARCHAR",
    "BLOB": "VARBINARY",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMPMILLI",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPMILLI",
    "INTERVAL": "INTERVALDAY",
    '"NULL"': "NULL",
}
_TESTS = {
    "IS_BIGINT": ("BIGINT", "HUGEINT"),
    "IS_BIT": ("BOOLEAN",),
    "IS_BOOLEAN": ("BOOLEAN",),
    "IS_DATE": ("DATE",),
    "IS_DOUBLE": ("DOUBLE",),
    "IS_FLOAT": ("FLOAT",),
    "IS_FLOAT4": ("FLOAT",),
    "IS_FLOAT8": ("DOUBLE",),
    "IS_INT": ("TINYINT", "SMALLINT", "INTEGER"),
    "IS_INTERVALDAY": ("INTERVAL",),
    "IS_TIME": ("TIME",),
    "IS_TIMESTAMP": ("TIMESTAMP",),
    "IS_VARBINARY": ("BLOB",),
    "IS_VARCHAR": ("VARCHAR",),
}


def _one_of(names: tuple[str, ...]) -> str:
    return "(a) AS typeof(a) IN (" + ", ".join(f"'{name}'" for name in names) + ")"


FAMILY = Family(
    title="Data types",
    macros={
        **{name: (_one_of(kinds),) for name, kinds in _TESTS.items()},
        "IS_DECIMAL": ("(a) AS typeof(a) LIKE 'DECIMAL%'",),
        "IS_LIST": ("(a) AS typeof(a) LIKE '%[]'",),
        "IS_MAP": ("(a) AS typeof(a) LIKE 'MAP%' AND typeof(a) NOT LIKE '%[]'",),
        "IS_STRUCT": ("(a) AS typeof(a) LIKE 'STRUCT%' AND typeof(a) NOT LIKE '%[]'",),
        "ISDATE": ("(a) AS TRY_CAST(CAST(a AS VARCHAR) AS DATE) IS NOT NULL",),
        "ISNUMERIC": ("(a) AS TRY_CAST(CAST(a AS VARCHAR) AS DOUBLE) IS NOT NULL",),
        "TYPEOF": (
            "(a) AS CASE "
            + " ".join(f"WHEN typeof(a) = '{k}' THEN '{v}'" for k, v in _NAMES.items())
            + " WHEN typeof(a) LIKE '%[]' THEN 'LIST' WHEN typeof(a) LIKE 'DECIMAL%' THEN 'DECIMAL'"
            " WHEN typeof(a) LIKE 'MAP%' THEN 'MAP' ELSE 'STRUCT' END",
        ),
        # As text: timestamps and times with milliseconds, bytes as UTF-8.
        "_VARCHAR": (
            "(a VARCHAR) AS a",
            "(a TIMESTAMP) AS strftime(a, '%Y-%m-%d %H:%M:%S.%g')",
            "(a DATE) AS CAST(a AS VARCHAR)",
            "(a TIME) AS strftime(DATE '1970-01-01' + a, '%H:%M:%S.%g')",
            "(a BLOB) AS decode(a)",
            "(a INTERVAL) AS @_INTERVAL_TEXT(a)",
            "(a) AS CAST(a AS VARCHAR)",
        ),
        # Dremio's way to print an interval: months as +YYY-MM, anything else as +DDD HH:MI:SS.FFF.
        "_INTERVAL_TEXT": (
            "(a INTERVAL) AS CASE WHEN a IS NULL THEN NULL WHEN @_MONTHS_OF(a) <> 0 THEN "
            "CASE WHEN @_MONTHS_OF(a) < 0 THEN '-' ELSE '+' END || "
            "lpad(CAST(abs(@_MONTHS_OF(a)) // 12 AS VARCHAR), 3, '0') || '-' || "
            "lpad(CAST(abs(@_MONTHS_OF(a)) % 12 AS VARCHAR), 2, '0') ELSE "
            "CASE WHEN @_MILLIS_OF(a) < 0 THEN '-' ELSE '+' END || "
            "lpad(CAST(abs(@_MILLIS_OF(a)) // 86400000 AS VARCHAR), 3, '0') || ' ' || "
            "strftime(make_timestamp((abs(@_MILLIS_OF(a)) % 86400000) * 1000), '%H:%M:%S.%g') END",
        ),
        "_MONTHS_OF": ("(a) AS datepart('year', a) * 12 + datepart('month', a)",),
        "_MILLIS_OF": (
            "(a) AS CAST(datepart('day', a) AS BIGINT) * 86400000 + "
            "CAST(datepart('hour', a) AS BIGINT) * 3600000 + "
            "CAST(datepart('minute', a) AS BIGINT) * 60000 + "
            "CAST(datepart('millisecond', a) AS BIGINT)",
        ),
        "_VARBINARY": ("(a BLOB) AS a", "(a) AS encode(CAST(a AS VARCHAR))"),
    },
)

_TEXT = {exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR, exp.DType.NVARCHAR, exp.DType.NCHAR}
_BYTES = {exp.DType.BINARY, exp.DType.VARBINARY, exp.DType.BLOB}


def data_type(to: exp.DataType) -> exp.DataType:
    """Return DuckDB's type: a decimal without precision has 38 digits and no fraction."""
    for node in to.find_all(exp.DataType):
        if node.this == exp.DType.LIST:
            node.set("this", exp.DType.ARRAY)
        if node.this == exp.DType.DECIMAL and not node.expressions:
            node.set("expressions", [exp.DataTypeParam(this=number(n)) for n in (38, 0)])
        elif node.this in _BYTES:
            node.set("this", exp.DType.BLOB)
            node.set("expressions", [])
    return to


def cast(node: exp.Cast) -> exp.Expr:
    """Return CAST(value AS type) with Dremio's meaning."""
    to = node.to
    if isinstance(to.this, exp.Interval):
        unit = to.this.args.get("unit")
        return interval(unit.name if unit is not None else "DAY", node.this)
    if isinstance(to.this, exp.IntervalSpan):
        return interval(to.this.this.name, node.this)
    strict = not isinstance(node, exp.TryCast)
    if to.this in _TEXT and strict:
        value: exp.Expr = macro("_VARCHAR", node.this)
        if to.expressions:
            length = to.expressions[0].this
            value = exp.Anonymous(this="left", expressions=[value, length])
        return value
    if to.this in _BYTES and strict:
        return macro("_VARBINARY", node.this)
    node.set("to", data_type(to))
    return node
