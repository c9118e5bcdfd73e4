"""What a query is compiled with: one index's fields, the parameters collected, the clock."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from services.elasticsearch.errors import RequestError, bad_query
from services.elasticsearch.state.catalog import Index
from services.elasticsearch.state.dates import DateFormat, now_millis, resolve, zone
from services.elasticsearch.state.mapping.fields import Field
from services.elasticsearch.state.query.statistics import Statistics

Query = dict[str, Any]


@dataclass(frozen=True)
class Clause:
    """A condition (SQL, three-valued: NULL is "no") and the score of what meets it."""

    where: str
    score: str = "1.0"


NOTHING = Clause("FALSE", "0.0")


class Parameters:
    """Values bound by name, shared by all statements of one request."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def bind(self, value: Any) -> str:
        """Return the placeholder that stands for `value`."""
        name = f"p{len(self.values) + 1}"
        self.values[name] = value
        return f"${name}"


class QueryContext:
    """Compiles the queries of one request for one index.

    `scoring`: whether scores are wanted here (not inside filters).
    """

    def __init__(
        self,
        index: Index,
        parameters: Parameters,
        compile_query: Callable[[QueryContext, Query], Clause],
        statistics: Statistics | None = None,
        now: int | None = None,
    ) -> None:
        self.index, self.parameters = index, parameters
        self.scoring = statistics is not None
        self.statistics = statistics
        self.now = now_millis() if now is None else now
        # (field, "words" | "prefix" | "pattern", text) of what was looked for, for highlighting.
        self.marks: list[tuple[Field, str, str]] = []
        self.named: list[tuple[str, str]] = []  # `_name` of a query and its condition
        self._compile = compile_query
        self._names = 0
        self._depth = 0

    def compile(self, query: Query) -> Clause:
        """Return the clause of any query. Raises RequestError."""
        self._depth += 1
        if self._depth > 30:
            raise RequestError(
                400,
                "x_content_parse_exception",
                "The nested depth of the query exceeds the maximum nested depth for queries set in "
                "[30]",
            )
        clause = self._compile(self, query)
        self._depth -= 1
        return clause

    def bind(self, value: Any) -> str:
        """Return the placeholder that stands for `value`."""
        return self.parameters.bind(value)

    def field(self, path: str) -> Field | None:
        """Return the field at `path`, or None (which matches nothing)."""
        return self.index.mapping.fields.get(path)

    def expand(self, pattern: str) -> list[Field]:
        """Return the fields that a name or a pattern with `*` stands for."""
        if "*" not in pattern:
            field = self.field(pattern)
            return [field] if field else []
        return [f for p, f in self.index.mapping.fields.items() if fnmatch.fnmatchcase(p, pattern)]

    @contextmanager
    def filtering(self) -> Iterator[None]:
        """Compile without scores."""
        before, self.scoring = self.scoring, False
        yield
        self.scoring = before

    def any_value(self, field: Field, condition: Callable[[str], str]) -> str:
        """Return SQL that holds when one of the field's values meets `condition(value SQL)`."""
        return condition(field.column) if not field.multi else self.some(field.column, condition)

    def some(self, items: str, condition: Callable[[str], str]) -> str:
        """Return SQL that holds when an item of the list `items` meets the condition."""
        self._names += 1
        name = f"v{self._names}"
        return f"len(list_filter({items}, lambda {name}: {condition(name)})) > 0"

    def convert(self, field: Field, value: Any) -> Any:
        """Return `value` as the column holds it. Raises query_shard_exception."""
        try:
            if field.family == "date":
                return self.moment(field, value)
            if field.family in ("keyword", "text"):
                if isinstance(value, dict | list) or value is None:
                    raise ValueError(f"unexpected value [{value}]")
                text = str(value).lower() if isinstance(value, bool) else str(value)
                lower = field.parameters.get("normalizer") == "lowercase"
                return text.lower() if lower else text
            if field.family == "integer" and not isinstance(value, bool):
                number = float(value)
                return (
                    int(value)
                    if isinstance(value, int)
                    else (int(number) if number.is_integer() else number)
                )
            return field.converter(value)
        except (ValueError, TypeError, OverflowError) as error:
            text = f'For input string: "{value}"' if field.family == "integer" else str(error)
            raise bad_query(f"failed to create query: {text}") from error

    def moment(
        self,
        field: Field,
        value: Any,
        *,
        round_up: bool = False,
        format_: str | None = None,
        time_zone: str | None = None,
    ) -> int:
        """Return a date expression in milliseconds. Raises ValueError."""
        chosen = DateFormat(format_ or field.parameters.get("format"))
        at: tzinfo = zone(time_zone) if time_zone else UTC
        return resolve(value, chosen, at=at, round_up=round_up, now=self.now)


def boosted(score: str, boost: Any) -> str:
    """Return the score times a boost. Raises for a boost that is no number or negative."""
    if boost is None or boost == 1:
        return score
    number = float(boost)
    if number < 0:
        raise bad_query(f"negative [boost] are not allowed in [{boost}]")
    return f"({score} * {number!r})"


def single(query_name: str, body: Any) -> tuple[str, Any]:
    """Return the one (field, body) pair of a query that names one field."""
    if not isinstance(body, dict):
        raise RequestError(
            400,
            "parsing_exception",
            f"[{query_name}] query malformed, no start_object after query name",
            line=1,
            col=1,
        )
    pairs = [(k, v) for k, v in body.items() if k not in ("boost", "_name")]
    if len(pairs) != 1:
        raise RequestError(
            400,
            "parsing_exception",
            f"[{query_name}] query doesn't support multiple fields, found {[k for k, _ in pairs]}",
            line=1,
            col=1,
        )
    return pairs[0]
