"""Macros with overloads by type, as one macro each that asks `typeof`.

DuckDB's own overloads cannot be chosen when an argument is an aggregate, a window, a correlated
column or an alias: its type is not known yet when the macro is looked up. `typeof` is answered
later, when it is, and the branches not taken are cut off before the query runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_OVERLOAD = re.compile(r"^\((?P<params>[^)]*)\)(?: -> (?P<returns>[\w]+))? AS (?P<body>.+)$", re.S)
_SMALL = "'TINYINT', 'SMALLINT', 'INTEGER', 'UTINYINT', 'USMALLINT'"
_INTEGERS = f"{_SMALL}, 'BIGINT', 'HUGEINT', 'UINTEGER', 'UBIGINT', 'UHUGEINT'"
# Type of a parameter → the condition under which an argument is taken for it. The first that
# holds wins, so narrower types come first among a macro's overloads.
_HOLDS = {
    "INTEGER": f"typeof({{0}}) IN ({_SMALL})",
    "BIGINT": f"typeof({{0}}) IN ({_INTEGERS})",
    "DOUBLE": f"(typeof({{0}}) IN ({_INTEGERS}, 'FLOAT', 'DOUBLE')"
    " OR typeof({0}) LIKE 'DECIMAL%')",
    "VARCHAR": "typeof({0}) IN ('VARCHAR', 'JSON', 'UUID')",
    "TIMESTAMP": "(typeof({0}) LIKE 'TIMESTAMP%')",
}


@dataclass(frozen=True)
class _Overload:
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    returns: str
    body: str

    def condition(self) -> str:
        """Whether the arguments are this overload's; empty when anything is."""
        tests = [
            _HOLDS.get(kind, f"typeof({{0}}) = '{kind}'").format(name)
            for name, kind in zip(self.names, self.kinds, strict=True)
            if kind
        ]
        return " AND ".join(tests)

    def arguments(self) -> str:
        """The arguments with the types that the body is written for."""
        return ", ".join(
            f"TRY_CAST({name} AS {kind})" if kind else name
            for name, kind in zip(self.names, self.kinds, strict=True)
        )


def _read(text: str) -> _Overload:
    match = _OVERLOAD.match(text)
    if match is None:
        raise ValueError(f"not `(parameters) AS body`: {text}")
    parameters = [part.strip() for part in match["params"].split(",") if part.strip()]
    pairs = [part.partition(" ")[::2] if ":=" not in part else (part, "") for part in parameters]
    return _Overload(
        names=tuple(name for name, _ in pairs),
        kinds=tuple(kind for _, kind in pairs),
        returns=match["returns"] or "",
        body=match["body"],
    )


def definitions(name: str, overloads: Sequence[str], library: str) -> dict[str, str]:
    """Return macro name → text behind `CREATE MACRO name`, helpers first."""
    by_arity: dict[int, list[_Overload]] = {}
    for overload in map(_read, overloads):
        by_arity.setdefault(len(overload.names), []).append(overload)
    helpers: dict[str, str] = {}
    bodies = []
    for arity, group in by_arity.items():
        first = group[0]
        if len(group) == 1:
            typed = (f"{n} {k}".strip() for n, k in zip(first.names, first.kinds, strict=True))
            bodies.append(f"({', '.join(typed)}) AS {first.body}")
            continue
        called = []
        for index, overload in enumerate(group):
            helper = f"{name}__{arity}_{index}"
            helpers[helper] = f"({', '.join(overload.names)}) AS {overload.body}"
            called.append(f"{library}.main.{helper}({overload.arguments()})")
        bodies.append(f"({', '.join(first.names)}) AS {_choice(name, group, called)}")
    return {**helpers, name: ", ".join(bodies)}


def _choice(name: str, group: Sequence[_Overload], called: Sequence[str]) -> str:
    conditions = [overload.condition() for overload in group]
    names = group[0].names
    nulls = " OR ".join(f"typeof({n}) = '\"NULL\"'" for n in names)
    if any(overload.returns for overload in group):
        # `coalesce` of unknown types keeps DuckDB from looking further into the body when the
        # macro is made: the sample's key is no constant then.
        nulls = " OR ".join(f"coalesce({n}, {n}) IS NULL" for n in names)
        # Every branch of a CASE has one type: that of a NULL picked by the arguments' types.
        sample = _sample(group, conditions)
        called = [f"cast_to_type({expression}, {sample})" for expression in called]
    branches = " ".join(
        f"WHEN {condition} THEN {expression}"
        for condition, expression in zip(conditions, called, strict=True)
        if condition
    )
    otherwise = next((e for c, e in zip(conditions, called, strict=True) if not c), "")
    if not otherwise:
        shown = " || ', ' || ".join(f"typeof({n})" for n in names)
        public = name.lstrip("_")
        otherwise = (
            f"error('Cannot apply {public} to arguments of type {public}(' || {shown} || ')')"
        )
    return f"CASE WHEN {nulls} THEN NULL {branches} ELSE {otherwise} END"


def _sample(group: Sequence[_Overload], conditions: Sequence[str]) -> str:
    """A NULL of the type that the arguments' overload returns."""
    rest = next((o.returns for o, c in zip(group, conditions, strict=True) if not c), "")
    kinds = [overload.returns for overload in group]
    rest = rest or max(kinds, key=kinds.count)
    when: dict[str, list[str]] = {}
    for overload, condition in zip(group, conditions, strict=True):
        if overload.returns != rest:
            when.setdefault(overload.returns, []).append(f"({condition})")
    if not when:
        return f"CAST(NULL AS {rest})"
    fields = ", ".join(f"'{kind}': CAST(NULL AS {kind})" for kind in [*when, rest])
    keys = " ".join(f"WHEN {' OR '.join(tests)} THEN '{kind}'" for kind, tests in when.items())
    return f"struct_extract({{{fields}}}, CASE {keys} ELSE '{rest}' END)"
