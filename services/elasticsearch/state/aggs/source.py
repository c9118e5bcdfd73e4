"""What aggregations read: one relation over all searched indices, with the columns they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.context import Parameters, Query, QueryContext


@dataclass(frozen=True)
class Column:
    """A column of the relation; `family` is None for a field that is mapped nowhere."""

    sql: str
    family: str | None
    multi: bool
    field: Field | None


@dataclass(frozen=True)
class Part:
    """One searched index: its context and the condition its documents have to meet."""

    context: QueryContext
    where: str
    score: str = "1.0"


class AggSource:
    """Collects what the aggregations of a request need, then gives the SQL of the relation."""

    def __init__(
        self, parts: list[Part], parameters: Parameters, now: int, *, typed_keys: bool = False
    ) -> None:
        self.typed_keys = typed_keys
        self.parts, self.parameters, self.now = parts, parameters, now
        self._columns: dict[str, tuple[Column, list[str]]] = {}
        self._conditions: dict[str, list[str]] = {}
        self.wants_rows = False

    def column(self, path: str) -> Column:
        """Return the column of field `path`. Raises when indices disagree about its type."""
        if path in self._columns:
            return self._columns[path][0]
        if path == "_index":
            names = [self.bind(p.context.index.name) for p in self.parts]
            column = Column(f"a{len(self._columns)}", "keyword", multi=False, field=None)
            self._columns[path] = (column, names)
            return column
        fields = [p.context.field(path) for p in self.parts]
        known = [f for f in fields if f is not None]
        families = {"number" if f.family in ("integer", "decimal") else f.family for f in known}
        if len(families) > 1:
            raise illegal_argument(
                f"field [{path}] has different types in the searched indices: "
                f"{sorted({f.type_name for f in known})}"
            )
        multi = any(f.multi for f in known)
        first = known[0] if known else None
        decimal = next((f for f in known if f.family == "decimal"), None)
        chosen = decimal or first
        column = Column(f"a{len(self._columns)}", chosen.family if chosen else None, multi, chosen)
        self._columns[path] = (column, [_value(f, multi) for f in fields])
        return column

    def condition(self, query: Query) -> str:
        """Return the boolean column that says whether a document meets `query`."""
        name = f"q{len(self._conditions)}"
        made = []
        for part in self.parts:
            with part.context.filtering():
                made.append(f"(({part.context.compile(query).where}) IS TRUE)")
        self._conditions[name] = made
        return name

    def bind(self, value: Any) -> str:
        """Return the placeholder that stands for `value`."""
        return self.parameters.bind(value)

    def relation(self) -> str:
        """Return the SQL of the relation (to be asked when every aggregation is planned)."""
        selects = []
        for number, part in enumerate(self.parts):
            columns = [f"{made[number]} AS {c.sql}" for c, made in self._columns.values()]
            columns += [f"{made[number]} AS {name}" for name, made in self._conditions.items()]
            if self.wants_rows:
                columns += [f"{number} AS ix", "rowid AS rid", f"{part.score} AS score"]
            chosen = ", ".join(columns) or "1 AS one"
            selects.append(f"SELECT {chosen} FROM {part.context.index.table} WHERE {part.where}")
        return f"({' UNION ALL '.join(selects)})"


def _value(field: Field | None, multi: bool) -> str:
    if field is None:
        return "NULL"
    if multi and not field.multi:
        return f"CASE WHEN {field.column} IS NULL THEN NULL ELSE [{field.column}] END"
    return field.column
