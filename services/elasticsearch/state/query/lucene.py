"""`query_string`: Lucene's query syntax as a tree of the other queries.

Grammar: clauses with `+`/`-`/`NOT`, `AND`/`OR`/`&&`/`||`, groups, `field:…`, "phrases",
`[a TO b}` ranges, `>=n`, `*`/`?` wildcards, `/regexps/`, `word~1`, `^boost`, `_exists_:field`.
"""

from __future__ import annotations

import re
from typing import Any

from services.elasticsearch.errors import RequestError

Query = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<and>AND\b|&&)|(?P<or>OR\b|\|\|)|(?P<not>NOT\b|!)
    |(?P<plus>\+)|(?P<minus>-)
    |(?P<field>(?:\\.|[^\s()\[\]{}"~^:\\/+!-])(?:\\.|[^\s()\[\]{}"~^:\\])*:)
    |(?P<phrase>"(?:\\.|[^"\\])*")(?P<slop>~\d+)?
    |(?P<regexp>/(?:\\.|[^/\\])+/)
    |(?P<range>(?P<left>[\[{])\s*(?P<low>"[^"]*"|\S+)\s+TO\s+(?P<high>"[^"]*"|[^\s\]}]+)\s*(?P<right>[\]}]))
    |(?P<compare>(?P<operator>>=|<=|>|<)\s*(?P<bound>"[^"]*"|[^\s()]+))
    |(?P<word>(?:\\.|[^\s()\[\]{}"~^:\\])+)(?P<fuzzy>~\d*)?)
    (?:\^(?P<boost>\d+(?:\.\d+)?))?""",
    re.VERBOSE,
)
_BOUNDS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}


def _failure(text: str) -> RequestError:
    return RequestError(400, "query_shard_exception", f"Failed to parse query [{text}]")


class LuceneParser:
    """Parses one query string; `fields` are those that words without a field are looked for in."""

    def __init__(self, text: str, fields: list[str], options: dict[str, Any]) -> None:
        self._text, self._fields, self._options = text, fields, options
        self._all = str(options.get("default_operator", "or")).lower() == "and"
        self._tokens: list[dict[str, Any]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if not found:
                raise _failure(text)
            self._tokens.append({k: v for k, v in found.groupdict().items() if v is not None})
            position = found.end()
        self._position = 0

    def parse(self) -> Query:
        """Return the query. Raises query_shard_exception when the text is not well formed."""
        query = self._group(self._fields, 0)
        if self._position < len(self._tokens):
            raise _failure(self._text)
        return query

    def _peek(self, *kinds: str) -> bool:
        if self._position >= len(self._tokens):
            return False
        return any(kind in self._tokens[self._position] for kind in kinds)

    def _take(self) -> dict[str, Any]:
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _group(self, fields: list[str], depth: int) -> Query:
        """Clauses up to `)` or the end; AND binds its two neighbours as required."""
        if depth > 20:
            raise _failure(self._text)
        clauses: list[list[Any]] = []  # [occur, query]
        default = "must" if self._all else "should"
        joined = None
        while self._position < len(self._tokens) and not self._peek("close"):
            if self._peek("and", "or"):
                if not clauses or joined:
                    raise _failure(self._text)
                joined = "and" if "and" in self._take() else "or"
                continue
            occur = default
            while self._peek("not", "plus", "minus"):
                token = self._take()
                occur = "must" if "plus" in token else "must_not"
            if self._position >= len(self._tokens):
                raise _failure(self._text)
            query = self._clause(fields, depth)
            if joined == "and":
                if clauses[-1][0] == "should":
                    clauses[-1][0] = "must"
                occur = "must" if occur == "should" else occur
            elif joined == "or" and self._all:
                if clauses[-1][0] == "must":
                    clauses[-1][0] = "should"
                occur = "should" if occur == "must" else occur
            joined = None
            clauses.append([occur, query])
        if joined:
            raise _failure(self._text)
        if len(clauses) == 1 and clauses[0][0] != "must_not":
            only: Query = clauses[0][1]
            return only
        body: dict[str, Any] = {}
        for occur, query in clauses:
            body.setdefault(occur, []).append(query)
        wanted = self._options.get("minimum_should_match")
        if wanted is not None and depth == 0 and "should" in body:
            body["minimum_should_match"] = wanted
        return {"bool": body} if clauses else {"match_none": {}}

    def _clause(self, fields: list[str], depth: int) -> Query:
        if self._peek("field"):
            name = _plain(self._take()["field"][:-1])
            fields = [name]
            if self._position >= len(self._tokens):
                raise _failure(self._text)
            if name == "_exists_":
                return {"exists": {"field": _plain(self._take().get("word", ""))}}
        token = self._take()
        if "open" in token:
            query = self._group(fields, depth + 1)
            if not self._peek("close"):
                raise _failure(self._text)
            boost = self._take().get("boost")
        elif "close" in token:
            raise _failure(self._text)
        else:
            query, boost = self._leaf(token, fields), token.get("boost")
        return {"bool": {"must": [query], "boost": float(boost)}} if boost else query

    def _leaf(self, token: dict[str, Any], fields: list[str]) -> Query:
        if "range" in token:
            bounds = {
                "gte" if token["left"] == "[" else "gt": _bound(token["low"]),
                "lte" if token["right"] == "]" else "lt": _bound(token["high"]),
            }
            return _in_each(fields, "range", {k: v for k, v in bounds.items() if v is not None})
        if "compare" in token:
            bounds = {_BOUNDS[token["operator"]]: _bound(token["bound"])}
            return _in_each(fields, "range", bounds)
        if "regexp" in token:
            return _in_each(fields, "regexp", {"value": token["regexp"][1:-1]})
        if "phrase" in token:
            text = re.sub(r"\\(.)", r"\1", token["phrase"][1:-1])
            slop = int((token.get("slop") or "~0")[1:])
            return self._text_query(fields, text, "phrase", {"slop": slop} if slop else {})
        word = token.get("word")
        if word is None:
            raise _failure(self._text)
        if word == "*":
            return {"match_all": {}} if fields in (["*"], self._fields) else _exists(fields)
        if re.search(r"(?<!\\)[*?]", word):
            return _in_each(fields, "wildcard", {"value": word, "_words": True})
        if "fuzzy" in token:
            return _in_each(
                fields,
                "fuzzy",
                {"value": _plain(word).lower(), "fuzziness": token["fuzzy"][1:] or "AUTO"},
            )
        operator = {"operator": "and"} if self._all else {}
        return self._text_query(fields, _plain(word), "best_fields", operator)

    def _text_query(self, fields: list[str], text: str, kind: str, extra: dict[str, Any]) -> Query:
        lenient = {"lenient": True} if self._options.get("lenient") else {}
        body = {"query": text, "fields": fields, "type": kind, **lenient, **extra}
        return {"multi_match": body}


def _exists(fields: list[str]) -> Query:
    return {"bool": {"should": [{"exists": {"field": f.partition("^")[0]}} for f in fields]}}


def _in_each(fields: list[str], kind: str, body: dict[str, Any]) -> Query:
    """The query on each of the fields; names with `*` are expanded when it is compiled."""
    return {"_each": {"fields": fields, "kind": kind, "body": body}}


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _bound(text: str) -> str | None:
    text = text[1:-1] if text.startswith('"') else text
    return None if text == "*" else text
