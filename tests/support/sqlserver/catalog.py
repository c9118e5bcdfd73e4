"""The catalog views, and the statements that change tables.

Facts: Microsoft's "System catalog views" (sys.objects, sys.columns, sys.types, sys.indexes,
sys.change_tracking_tables, sys.internal_tables), the type numbers are those of sys.types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.sqlserver.translate import TYPES

SETUP = """
CREATE SCHEMA sys; CREATE SCHEMA dbo; CREATE SCHEMA tracked; SET search_path = 'dbo';
CREATE TABLE sys.schemas (schema_id INTEGER, name VARCHAR);
INSERT INTO sys.schemas VALUES (1, 'dbo');
CREATE TABLE sys.objects
  (object_id INTEGER, schema_id INTEGER, name VARCHAR, type VARCHAR, is_ms_shipped INTEGER);
CREATE TABLE sys.columns (object_id INTEGER, column_id INTEGER, name VARCHAR,
  system_type_id INTEGER, user_type_id INTEGER, max_length INTEGER, precision INTEGER,
  scale INTEGER);
CREATE TABLE sys.types (name VARCHAR, system_type_id INTEGER, user_type_id INTEGER);
CREATE TABLE sys.indexes (object_id INTEGER, index_id INTEGER, is_primary_key BOOLEAN);
CREATE TABLE sys.index_columns
  (object_id INTEGER, index_id INTEGER, column_id INTEGER, key_ordinal INTEGER);
CREATE TABLE sys.databases (database_id INTEGER, snapshot_isolation_state INTEGER);
INSERT INTO sys.databases VALUES (1, 0);
CREATE TABLE sys.change_tracking_tables
  (object_id INTEGER, begin_version BIGINT, cleanup_version BIGINT, min_valid_version BIGINT);
CREATE TABLE sys.internal_tables
  (object_id INTEGER, parent_id INTEGER, internal_type INTEGER, create_date TIMESTAMP);
CREATE TABLE sys.partitions (object_id INTEGER, index_id INTEGER, rows BIGINT);
CREATE TABLE sys.denied (login VARCHAR, object_id INTEGER, what VARCHAR);
CREATE TABLE tracked.state (version BIGINT);
INSERT INTO tracked.state VALUES (NULL);
CREATE SEQUENCE tracked.ids START 1000;
CREATE SEQUENCE tracked.numbers;
CREATE MACRO iso(x) AS CASE WHEN typeof(x) = 'DATE' THEN strftime(x::TIMESTAMP, '%Y-%m-%d')
  ELSE strftime(x::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%f')
       || CASE WHEN typeof(x) LIKE '%ZONE' THEN '+00:00' ELSE '' END END;
"""
# Name → (system_type_id, user_type_id, bytes).
NUMBERS = {
    "image": (34, 34, 16), "text": (35, 35, 16), "uniqueidentifier": (36, 36, 16),
    "date": (40, 40, 3), "time": (41, 41, 5), "datetime2": (42, 42, 8),
    "datetimeoffset": (43, 43, 10), "tinyint": (48, 48, 1), "smallint": (52, 52, 2),
    "int": (56, 56, 4), "smalldatetime": (58, 58, 4), "real": (59, 59, 4), "money": (60, 60, 8),
    "datetime": (61, 61, 8), "float": (62, 62, 8), "sql_variant": (98, 98, 8016),
    "ntext": (99, 99, 16), "bit": (104, 104, 1), "decimal": (106, 106, 17),
    "numeric": (108, 108, 17), "smallmoney": (122, 122, 4), "bigint": (127, 127, 8),
    "hierarchyid": (240, 128, 892), "geometry": (240, 129, -1), "geography": (240, 130, -1),
    "varbinary": (165, 165, 0), "varchar": (167, 167, 0), "binary": (173, 173, 0),
    "char": (175, 175, 0), "timestamp": (189, 189, 8), "nvarchar": (231, 231, 0),
    "nchar": (239, 239, 0), "xml": (241, 241, -1),
}  # fmt: skip
_COLUMN = re.compile(r"^(\[(?:[^\]]|\]\])+\]|\w+)\s+(\w+)\s*(?:\(([^)]*)\))?(.*)$", re.DOTALL)
_KEY = re.compile(r"PRIMARY KEY\s*(?:CLUSTERED\s*)?\(([^)]*)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A declared column: its type's name and size, precision and scale, and whether it is a key."""

    name: str
    type: str
    length: int
    precision: int
    scale: int
    key: bool

    @property
    def stored(self) -> str:
        """DuckDB's type."""
        if self.type in ("decimal", "numeric"):
            return f"DECIMAL({self.precision},{self.scale})"
        return TYPES["rowversion" if self.type == "timestamp" else self.type]


def unquoted(name: str) -> str:
    """Return a name without its brackets."""
    return name[1:-1].replace("]]", "]") if name.startswith("[") else name


def split_name(full: str) -> tuple[str, str]:
    """Return schema and name of `[a].[b]`, `a.b` or `b`."""
    parts = [unquoted(p) for p in re.findall(r"\[(?:[^\]]|\]\])+\]|\w+", full)]
    return (parts[0], parts[1]) if len(parts) == 2 else ("dbo", parts[0])


def column(text: str) -> Column:
    """Read a column's declaration."""
    match = _COLUMN.match(text.strip())
    assert match, text
    name, kind, size, rest = match.groups()
    kind = kind.lower().replace("rowversion", "timestamp")
    sizes = [part.strip().lower() for part in (size or "").split(",")] if size else []
    length = NUMBERS[kind][2]
    precision = scale = 0
    if kind in ("decimal", "numeric"):
        precision, scale = int(sizes[0]), int(sizes[1]) if len(sizes) > 1 else 0
    elif length == 0:
        count = -1 if sizes == ["max"] else int(sizes[0] if sizes else 1)
        length = count * (2 if kind.startswith("n") and count > 0 else 1)
    key = "PRIMARY KEY" in rest.upper()
    return Column(unquoted(name), kind, length, precision, scale, key)


def columns(body: str) -> tuple[list[Column], list[str]]:
    """Return the columns and the primary key of what stands in CREATE TABLE's parentheses."""
    found: list[Column] = []
    key: list[str] = []
    for part in _parts(body):
        if re.match(r"(CONSTRAINT|PRIMARY)\b", part, re.IGNORECASE):
            names = _KEY.search(part)
            assert names, part
            key = [unquoted(name.strip()) for name in names.group(1).split(",")]
        else:
            found.append(column(part))
    return found, key or [c.name for c in found if c.key]


def _parts(body: str) -> list[str]:
    parts, depth, bracket = [""], 0, False
    for letter in body:
        bracket = letter == "[" or (bracket and letter != "]")
        depth += 0 if bracket else {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0 and not bracket:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
