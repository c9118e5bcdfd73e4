"""`simple_query_string`: `+` and, `|` or, `-` not, "phrase", `word*`, `( )`, `~n`. Never fails."""

from __future__ import annotations

import re
from typing import Any

from services.elasticsearch.errors import not_supported

Query = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<op>[+|()])|(?P<not>-)(?=\S)|(?P<phrase>"(?:\\.|[^"\\])*")(?:~(?P<slop>\d+))?
    |(?P<word>(?:\\.|[^\s"()|+~*\\])+)(?P<star>\*)?(?P<fuzzy>~\d*)?|(?P<rest>\S))""",
    re.VERBOSE,
)


class SimpleParser:
    """Parses one text; what makes no sense is passed over, as the vendor does."""

    def __init__(self, text: str, fields: list[str], options: dict[str, Any]) -> None:
        """Raises illegal_argument_exception for `flags` (which operators there are)."""
        if str(options.get("flags", "ALL")).upper() != "ALL":
            raise not_supported("[flags] in a simple_query_string")
        self._tokens = [
            {k: v for k, v in found.groupdict().items() if v is not None}
            for found in _TOKEN.finditer(text)
        ]
        self._tokens = [t for t in self._tokens if t and "rest" not in t]
        self._position, self._fields = 0, fields
        self._default = (
            "must" if options.get("default_operator", "or").lower() == "and" else "should"
        )
        self._minimum = options.get("minimum_should_match")

    def parse(self) -> Query:
        """Return the query."""
        return self._group(0)

    def _group(self, depth: int) -> Query:
        clauses: list[tuple[str, Query]] = []
        occur, joined = self._default, None
        while self._position < len(self._tokens):
            token = self._tokens[self._position]
            self._position += 1
            operator = token.get("op")
            if operator == ")":
                if depth:
                    break
                continue
            if operator in ("+", "|"):
                joined = "must" if operator == "+" else "should"
                if clauses and clauses[-1][0] != "must_not":
                    clauses[-1] = (joined, clauses[-1][1])
                continue
            if "not" in token:
                occur = "must_not"
                continue
            query = self._group(depth + 1) if operator == "(" else self._leaf(token)
            negative = occur == "must_not"
            if negative:
                query = {"bool": {"must_not": [query]}}
            clauses.append((joined or self._default, query))
            occur, joined = self._default, None
        body: dict[str, Any] = {}
        for where, query in clauses:
            body.setdefault(where, []).append(query)
        if self._minimum is not None and "should" in body and not depth:
            body["minimum_should_match"] = self._minimum
        return {"bool": body} if body else {"match_none": {}}

    def _leaf(self, token: dict[str, Any]) -> Query:
        body: dict[str, Any] = {"fields": self._fields, "lenient": True}
        if "phrase" in token:
            body |= {"slop": int(token["slop"])} if "slop" in token else {}
            return {"multi_match": {**body, "query": token["phrase"][1:-1], "type": "phrase"}}
        word = re.sub(r"\\(.)", r"\1", token["word"])
        if "star" in token:
            each = {
                "fields": self._fields,
                "kind": "prefix",
                "body": {"value": word, "_words": True},
            }
            return {"_each": each}
        if "fuzzy" in token:
            body["fuzziness"] = token["fuzzy"][1:] or "AUTO"
        return {"multi_match": {**body, "query": word}}
