"""What BM25 needs to know of an index: how many documents, how long, how often a word.

Source of the formula: Lucene's BM25Similarity (k1 = 1.2, b = 0.75) with Elasticsearch's
(k1 + 1) factor; lengths are exact here, Lucene rounds those over 40.
"""

from __future__ import annotations

import math
from typing import Any

from services.elasticsearch.state.catalog import Index
from services.elasticsearch.state.database import Database
from services.elasticsearch.state.mapping.fields import Field

_K1, _B = 1.2, 0.75


class Statistics:
    """Counts over one index, each asked once."""

    def __init__(self, database: Database, index: Index, cursor: Any = None) -> None:
        self._database, self._index, self._cursor = database, index, cursor
        self._fields: dict[str, tuple[int, float]] = {}

    def idf(self, field: Field, condition: str, parameters: dict[str, Any]) -> float:
        """Return the inverse document frequency of what `condition` finds in `field`."""
        documents, _ = self.lengths(field)
        sql = f"SELECT count(*) FROM {self._index.table} WHERE {condition}"
        found = int(self._database.rows(sql, parameters, self._cursor)[0][0])
        return math.log(1 + (documents - found + 0.5) / (found + 0.5))

    def lengths(self, field: Field) -> tuple[int, float]:
        """Return (documents that have the field, their mean number of words)."""
        if field.path not in self._fields:
            mean = f"avg({word_count(field)})" if field.family == "text" else "1.0"
            sql = f"SELECT count({field.column}), {mean} FROM {self._index.table}"
            count, average = self._database.rows(sql, None, self._cursor)[0]
            self._fields[field.path] = (int(count), float(average or 1.0))
        return self._fields[field.path]

    def bm25(self, field: Field, idf: float, frequency: str) -> str:
        """Return the score as SQL; `frequency`: SQL of how often the term stands there."""
        if field.family != "text":
            return repr(idf)
        _, average = self.lengths(field)
        norm = f"{_K1} * ({1 - _B} + {_B} * {word_count(field)} / {max(average, 1e-9)!r})"
        return f"({idf * (_K1 + 1)!r} * {frequency} / ({frequency} + {norm}))"


def whole_text(field: Field) -> str:
    """Return SQL for all of a text field's words as one ` word word `."""
    return f"array_to_string({field.column}, '')" if field.multi else field.column


def word_count(field: Field) -> str:
    """Return SQL for the number of words: each has a space in front, each value one behind."""
    text = whole_text(field)
    values = f"len({field.column})" if field.multi else "1"
    return f"greatest(length({text}) - length(replace({text}, ' ', '')) - {values}, 1)"


def term_count(field: Field, needle: str) -> str:
    """Return SQL for how often ` needle ` stands in the text (neighbours share a space)."""
    text = f"replace({whole_text(field)}, ' ', '  ')"
    doubled = f"replace({needle}, ' ', '  ')"
    inner = f"substr({doubled}, 2, length({doubled}) - 2)"
    return f"((length({text}) - length(replace({text}, {inner}, ''))) / length({inner}))"
