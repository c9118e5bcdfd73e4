"""The SQL that fills a reflection's segments, and the names and types of their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from services.dremio.state.database import quoted
from services.dremio.state.errors import validation
from services.dremio.state.reflections.definition import AGGREGATION, Reflection

ROWS = "lakelet:rows"
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}
_SUMMABLE = _WHOLE | {"HUGEINT"}
_FLOATING = {"FLOAT", "DOUBLE"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
# A DOUBLE holds every whole number up to here: sums below it are the same in any order.
EXACT = 2**53


def dim(name: str) -> str:
    """Return the segment's column for a dimension."""
    return f"lakelet:dim:{name.lower()}"


def measure(name: str, kind: str) -> str:
    """Return the segment's column for a measure (kind: sum, count, min, max, avg, distinct)."""
    return f"lakelet:{kind}:{name.lower()}"


def merged_sketches(column: str) -> str:
    """Return DuckDB's expression that puts a group's sketches together."""
    return f"list_reduce(list({column}), lambda a, b: combine(a, b))"


@dataclass
class Layout:
    """A segment's columns: name → DuckDB's expression over the dataset's columns.

    `merge`: how an aggregate's column is put together from several rows. `narrow`: a smaller type
    that a sum mostly fits; summing it again is several times faster and gives the wide type back.
    """

    outputs: dict[str, str]
    grouped: tuple[str, ...] = ()
    merge: dict[str, str] = field(default_factory=dict)
    narrow: dict[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    averages: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    aggregated: bool = False

    @property
    def sketches(self) -> bool:
        """Whether any column holds sketches."""
        return any(name.startswith("lakelet:distinct:") for name in self.outputs)

    def column_of(self, name: str) -> str | None:
        """Return the segment's column that keeps a dataset's column, None when none does."""
        own = dim(name) if self.aggregated else name
        return own if own in self.outputs else None

    def fill(self, rows: str) -> str:
        """Return the query that makes a segment's rows from the dataset's."""
        outputs = ", ".join(f"{e} AS {quoted(n)}" for n, e in self.outputs.items())
        sql = f"SELECT {outputs} FROM ({rows}) AS d"  # noqa: S608 - quoted
        if self.grouped:
            sql += " GROUP BY " + ", ".join(str(n + 1) for n in range(len(self.grouped)))
        return sql

    def merged(self, rows: str) -> str:
        """Return the query that makes one segment of the rows of several."""
        if not self.aggregated:
            return f"SELECT * FROM ({rows}) AS d"  # noqa: S608 - made here
        outputs = ", ".join(f"{self.merge.get(n, quoted(n))} AS {quoted(n)}" for n in self.outputs)
        sql = f"SELECT {outputs} FROM ({rows}) AS d"  # noqa: S608 - quoted
        if self.grouped:
            sql += " GROUP BY " + ", ".join(str(n + 1) for n in range(len(self.grouped)))
        return sql

    def stored(self, sql: str, *, narrow: bool) -> str:
        """Return the query as segments keep its rows: in the reflection's order, sums narrow."""
        casts = self.narrow if narrow else {}
        outputs = ", ".join(
            f"CAST({quoted(n)} AS {casts[n]}) AS {quoted(n)}" if n in casts else quoted(n)
            for n in self.outputs
        )
        order = ", ".join(quoted(name) for name in self.order)
        stored = f"SELECT {outputs} FROM ({sql}) AS s"  # noqa: S608 - quoted
        return f"{stored} ORDER BY {order}" if order else stored


def layout(reflection: Reflection, dataset: dict[str, str]) -> Layout:
    """Return how segments are laid out; `dataset`: its columns with DuckDB's types.

    Raises DremioError (VALIDATION) when a column is not there.
    """
    known = {name.lower(): name for name in dataset}
    if reflection.kind == AGGREGATION:
        return _aggregated(reflection, dataset, known)
    wanted = {_known(known, name, reflection) for name in reflection.display}
    names = [name for name in dataset if name in wanted]
    if not names:
        raise validation(f"Raw reflection '{reflection.name}' needs at least one display column")
    order = tuple(_known(known, name, reflection) for name in reflection.order)
    return Layout(
        {name: quoted(name) for name in names},
        order=tuple(name for name in order if name in wanted),
    )


def _known(known: dict[str, str], name: str, reflection: Reflection) -> str:
    found = known.get(name.lower())
    if found is None:
        raise validation(
            f"Unable to find field [{name}] in dataset [{'.'.join(reflection.dataset)}] "
            f"(reflection [{reflection.name}])"
        )
    return found


def _aggregated(reflection: Reflection, dataset: dict[str, str], known: dict[str, str]) -> Layout:
    outputs: dict[str, str] = {}
    for dimension in reflection.dimensions:
        name = _known(known, dimension.name, reflection)
        kind, column = dataset[name], quoted(name)
        if dimension.date and kind.startswith("TIMESTAMP"):
            column = f"CAST(date_trunc('day', {column}) AS {kind})"
        outputs[dim(name)] = column
    made = Layout(outputs, grouped=tuple(outputs), aggregated=True)
    outputs[ROWS] = "COUNT(*)"
    made.merge[ROWS] = f"CAST(SUM({quoted(ROWS)}) AS BIGINT)"
    for each in reflection.measures:
        if each.name == "*":
            continue
        name = _known(known, each.name, reflection)
        _measure(made, name, dataset[name], set(each.kinds))
    order = [dim(name) for name in reflection.order if dim(name) in outputs]
    made.order = (*order, *(name for name in made.grouped if name not in order))
    return made


def _measure(made: Layout, name: str, kind: str, wanted: set[str]) -> None:
    column = quoted(name)

    def add(what: str, expression: str, merge: str, cast: str = "") -> None:
        own = measure(name, what)
        made.outputs[own] = expression
        merged = f"{merge}({quoted(own)})"
        made.merge[own] = f"CAST({merged} AS {cast})" if cast else merged

    decimal = _DECIMAL.fullmatch(kind)
    if wanted & {"COUNT", "AVG"}:
        add("count", f"COUNT({column})", "SUM", "BIGINT")
    if "MIN" in wanted:
        add("min", f"MIN({column})", "MIN")
    if "MAX" in wanted:
        add("max", f"MAX({column})", "MAX")
    if wanted & {"SUM", "AVG"}:
        if kind in _SUMMABLE or decimal:
            add("sum", f"SUM({column})", "SUM")
            narrow = f"DECIMAL(18,{decimal[2]})" if decimal else "BIGINT"
            if not decimal or int(decimal[2]) <= 18:
                made.narrow[measure(name, "sum")] = narrow
        elif kind in _FLOATING:
            made.skipped[name] = "sums of floating-point values depend on their order"
        else:
            made.skipped[name] = f"{kind} has no sum"
        scale = int(decimal[2]) if decimal else 0
        exact = kind in _WHOLE or (decimal and int(decimal[1]) <= 18 and scale <= 9)
        if exact and wanted & {"COUNT", "AVG"}:
            whole = f"SUM({column})" + (f" * {10**scale}" if scale else "")
            add("avg", f"CAST(CAST({whole} AS HUGEINT) AS DOUBLE)", "SUM")
            made.averages[name.lower()] = scale
    if "APPROX_COUNT_DISTINCT" in wanted:
        # DuckDB's own HyperLogLog registers: merged they are what the whole would have made.
        own = measure(name, "distinct")
        made.outputs[own] = f"approx_count_distinct({column}) EXPORT_STATE"
        made.merge[own] = merged_sketches(quoted(own))
