"""The T-SQL that the source and its tests speak, as DuckDB's SQL: a table of small rules.

What is not in the table goes to DuckDB as it is, which answers with an error where it differs.
"""

from __future__ import annotations

import re

_KEPT = re.compile(r"N?'(?:[^']|'')*'|\[(?:[^\]]|\]\])*\]", re.IGNORECASE)
# T-SQL's types in casts → DuckDB's.
TYPES = {
    "nvarchar": "VARCHAR", "varchar": "VARCHAR", "nchar": "VARCHAR", "char": "VARCHAR",
    "ntext": "VARCHAR", "text": "VARCHAR", "xml": "VARCHAR", "sql_variant": "VARCHAR",
    "hierarchyid": "VARCHAR", "geometry": "VARCHAR", "geography": "VARCHAR",
    "binary": "BLOB", "varbinary": "BLOB", "image": "BLOB", "rowversion": "BLOB",
    "bit": "BOOLEAN", "tinyint": "UTINYINT", "smallint": "SMALLINT", "int": "INTEGER",
    "bigint": "BIGINT", "real": "FLOAT", "float": "DOUBLE", "money": "DECIMAL(19,4)",
    "smallmoney": "DECIMAL(10,4)", "date": "DATE", "time": "TIME", "datetime": "TIMESTAMP",
    "datetime2": "TIMESTAMP", "smalldatetime": "TIMESTAMP", "uniqueidentifier": "UUID",
    "datetimeoffset": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_CHANGES = """(SELECT {keys}, max(version) AS SYS_CHANGE_VERSION,
 max(version) FILTER (WHERE op = 'I') AS SYS_CHANGE_CREATION_VERSION,
 CASE WHEN arg_max(op, n) = 'D' THEN 'D' WHEN arg_min(op, n) = 'I' THEN 'I' ELSE 'U' END
 AS SYS_CHANGE_OPERATION FROM tracked."{id}" WHERE version > {since} GROUP BY {keys})"""
_PERMITTED = r"HAS_PERMS_BY_NAME\(QUOTENAME\(s\.name\).*?c\.name,\s+'COLUMN'\) = 1"
_ALLOWED = """o.object_id NOT IN (SELECT d.object_id FROM sys.denied AS d
 WHERE d.login = getvariable('login') AND d.what = 'select')"""
_RULES: tuple[tuple[str, str], ...] = (
    (r"\bCOUNT_BIG\b", "COUNT"),
    (r"\bSYSUTCDATETIME\(\)", "(now() AT TIME ZONE 'UTC')"),
    (r"\bDB_ID\(\)", "1"),
    (r"\.ToString\(\)", ""),
    (r"\bCONVERT\(nvarchar\(40\), (.+?), 126\)", r"iso(\1)"),
    (r"\bCONVERT\(nvarchar\(40\), (.+?), 3\)", r"CAST(\1 AS VARCHAR)"),
    (r"\bCONVERT\(nvarchar\(40\), (.+?), 1\)", r"('0x' || hex(\1))"),
    (r"\b0x([0-9a-f]*)\b", r"unhex('\1')"),
    (r"\bDATEADD\((\w+), (-?\d+), (CAST\(.+?\))\)", r"(\3 + INTERVAL (\2) \1)"),
    (r"\bCHANGE_TRACKING_CURRENT_VERSION\(\)", "(SELECT version FROM tracked.state)"),
    (
        r"\bCHANGE_TRACKING_MIN_VALID_VERSION\(([\w.]+)\)",
        r"(SELECT z.min_valid_version FROM sys.change_tracking_tables AS z"
        r" WHERE z.object_id = \1 AND NOT EXISTS (SELECT 1 FROM sys.denied AS d"
        r" WHERE d.object_id = \1 AND d.login = getvariable('login') AND d.what = 'changes'))",
    ),
)


def changes(number: int, keys: list[str], since: str) -> str:
    """Return what CHANGETABLE(CHANGES …) gives (Microsoft's "CHANGETABLE", remarks).

    One row per key that changed, with the last version. The operation is relative to the version
    asked from: a row that was inserted since is an insert, whatever came later; a deleted row that
    was inserted again is an update.
    """
    listing = ", ".join(f'"{key}"' for key in keys)
    return _CHANGES.format(keys=listing, id=number, since="-1" if since == "NULL" else since)


def plain(sql: str) -> str:
    """Return a statement in DuckDB's SQL. Names and texts are left alone by the rules."""
    sql = re.sub(_PERMITTED, _ALLOWED, sql, flags=re.IGNORECASE | re.DOTALL)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        word = match.group()
        if word.startswith("["):
            word = '"' + word[1:-1].replace("]]", "]").replace('"', '""') + '"'
        else:
            word = word.removeprefix("N").removeprefix("n")
        kept.append(word)
        return f"«{len(kept) - 1}»"

    sql = _KEPT.sub(keep, sql)
    for pattern, by in _RULES:
        sql = re.sub(pattern, by, sql, flags=re.IGNORECASE | re.DOTALL)
    sql = re.sub(r"\bAS (\w+)(\([\w, ]*\))?\)", _cast, sql, flags=re.IGNORECASE)
    if top := re.match(r"\s*SELECT TOP \((\d+)\) ", sql, re.IGNORECASE):
        sql = f"SELECT {sql[top.end() :]} LIMIT {top.group(1)}"
    return re.sub(r"«(\d+)»", lambda match: kept[int(match.group(1))], sql)


def _cast(match: re.Match[str]) -> str:
    name = match.group(1).lower()
    if name in ("decimal", "numeric") or name not in TYPES:
        return match.group()
    return f"AS {TYPES[name]})"
