"""What a statement asks for, once parsed: one small class per kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

Path = tuple[str, ...]
COPIED = "$file"
"""What the query of a COPY INTO calls the rows of the file that is being read."""


@dataclass
class Statement:
    """Any statement."""


@dataclass
class Query(Statement):
    """SELECT, VALUES, set operations, with or without CTEs."""

    tree: exp.Expression


@dataclass
class Explain(Statement):
    """EXPLAIN PLAN FOR a query or DML."""

    inner: Statement
    text: str


@dataclass
class CreateView(Statement):
    """CREATE [OR REPLACE] VIEW; `text` is the query as written: it is what gets stored."""

    path: Path
    query: exp.Expression
    text: str
    replace: bool = False
    if_not_exists: bool = False
    columns: tuple[str, ...] = ()
    policies: list[Statement] = field(default_factory=list)


@dataclass
class PartitionField:
    """A column and the Iceberg transform on it (identity, year, month, day, hour, bucket, …)."""

    column: str
    transform: str = "identity"
    argument: int | None = None


@dataclass
class CreateTable(Statement):
    """CREATE [OR REPLACE] TABLE, with columns or AS a query; `policies` are `SetPolicy`."""

    path: Path
    columns: list[exp.ColumnDef] = field(default_factory=list)
    query: exp.Expression | None = None
    replace: bool = False
    if_not_exists: bool = False
    partition: list[PartitionField] = field(default_factory=list)
    sort: list[str] = field(default_factory=list)
    format: str = "iceberg"
    properties: dict[str, str] = field(default_factory=dict)
    policies: list[Statement] = field(default_factory=list)


@dataclass
class Drop(Statement):
    """DROP TABLE, VIEW, FOLDER or SPACE (`kind` in upper case)."""

    kind: str
    path: Path
    if_exists: bool = False


@dataclass
class CreateContainer(Statement):
    """CREATE SPACE or FOLDER."""

    kind: str
    path: Path
    if_not_exists: bool = False


@dataclass
class Modify(Statement):
    """INSERT, UPDATE, DELETE or MERGE on one table (`kind` in upper case)."""

    kind: str
    path: Path
    tree: exp.Expression


@dataclass
class Truncate(Statement):
    """TRUNCATE TABLE."""

    path: Path
    if_exists: bool = False


@dataclass
class AlterColumns(Statement):
    """ALTER TABLE: columns added, dropped, renamed or changed in type."""

    path: Path
    add: list[exp.ColumnDef] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    change: list[tuple[str, exp.ColumnDef]] = field(default_factory=list)


@dataclass
class AlterMetadata(Statement):
    """ALTER TABLE … REFRESH METADATA or FORGET METADATA (`action`)."""

    path: Path
    action: str


@dataclass
class RefreshStatus(Statement):
    """ALTER SOURCE … REFRESH STATUS."""

    path: Path


@dataclass
class Show(Statement):
    """SHOW SCHEMAS, TABLES, VIEWS, TBLPROPERTIES, or CREATE VIEW/TABLE (`kind`)."""

    kind: str
    path: Path = ()
    like: str | None = None


@dataclass
class Describe(Statement):
    """DESCRIBE TABLE, of all columns or one."""

    path: Path
    column: str | None = None


@dataclass
class Use(Statement):
    """USE: the path that unqualified names are looked up in."""

    path: Path


@dataclass
class SetOption(Statement):
    """ALTER SESSION|SYSTEM SET/RESET: an option (`value` None takes it back; `ALL` all of them)."""

    name: str
    value: str | None
    system: bool = False


@dataclass
class CreateFunction(Statement):
    """CREATE FUNCTION; `text` is the body as written, `table` a tabular one's columns."""

    path: Path
    parameters: list[exp.ColumnDef]
    returns: str
    table: list[exp.ColumnDef]
    text: str
    replace: bool = False
    if_not_exists: bool = False


@dataclass
class DropFunction(Statement):
    """DROP FUNCTION."""

    path: Path
    if_exists: bool = False


@dataclass
class DescribeFunction(Statement):
    """DESCRIBE FUNCTION."""

    path: Path


@dataclass
class ShowFunctions(Statement):
    """SHOW FUNCTIONS."""

    like: str | None = None


@dataclass
class Optimize(Statement):
    """OPTIMIZE TABLE; sizes in megabytes, None where the statement does not say."""

    path: Path
    data: bool = True
    manifests: bool = True
    target_mb: float | None = None
    least_mb: float | None = None
    most_mb: float | None = None
    least_files: int | None = None
    partitions: exp.Expression | None = None


@dataclass
class Vacuum(Statement):
    """VACUUM TABLE: EXPIRE SNAPSHOTS, or REMOVE ORPHAN FILES where `orphans`."""

    path: Path
    orphans: bool = False
    older_than: str | None = None
    retain_last: int | None = None
    location: str | None = None


@dataclass
class Rollback(Statement):
    """ROLLBACK TABLE to a snapshot's id or to what was current before a moment."""

    path: Path
    snapshot: str | None = None
    timestamp: str | None = None


@dataclass
class TableProperties(Statement):
    """ALTER TABLE SET or UNSET TBLPROPERTIES."""

    path: Path
    set: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)


@dataclass
class AlterLayout(Statement):
    """ALTER TABLE ADD or DROP PARTITION FIELD, or LOCALSORT BY."""

    path: Path
    add: PartitionField | None = None
    drop: PartitionField | None = None
    sort: list[str] | None = None


@dataclass
class Analyze(Statement):
    """ANALYZE TABLE: compute (or delete) statistics of some columns, of all where empty."""

    path: Path
    columns: list[str] = field(default_factory=list)
    delete: bool = False


@dataclass
class CopyInto(Statement):
    """COPY INTO a table from files; `options` by upper-cased name, a list for NULL_IF.

    `query` selects from `COPIED`, a file's rows, what goes into `columns` (all when empty).
    """

    path: Path
    location: str
    columns: tuple[str, ...] = ()
    query: exp.Select | None = None
    files: list[str] = field(default_factory=list)
    regex: str | None = None
    format: str | None = None
    options: dict[str, str | list[str]] = field(default_factory=dict)
