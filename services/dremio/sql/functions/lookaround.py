"""Regular expressions that RE2 has not: look-around, back-references, possessive quantifiers.

A literal pattern that needs them goes to the `regex` package, distinct value by distinct value,
with a limit of time: such a pattern can take for ever on the wrong text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import regex  # type: ignore[import-untyped]

from services.dremio.sql.functions.columns import each
from services.dremio.sql.functions.registry import Family, Udf, function_error

_SECONDS = 2.0
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_NEEDED = re.compile(
    r"(?<!\\)(?:\\\\)*(?:\(\?(?:[=!>]|<[=!])|\\[1-9]|\\k<|[*+?}]\+)",
)
_GROUP = re.compile(r"\\\$|\\\\|\$(\d)")


def needed(pattern: str) -> bool:
    """Whether RE2 cannot read a pattern that Java can."""
    return _NEEDED.search(_QUOTED.sub("", pattern)) is not None


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> Any:
    plain = _QUOTED.sub(lambda quoted: regex.escape(quoted[1]), pattern)
    try:
        return regex.compile(plain)
    except regex.error as error:
        raise function_error(f"Invalid regular expression '{pattern}': {error}") from None


def _limited(work: Callable[[Any, str], Any], pattern: str, text: str) -> Any:
    try:
        return work(_compiled(pattern), text)
    except TimeoutError:
        raise function_error(
            f"The regular expression '{pattern}' took more than {_SECONDS:g} s on one value"
        ) from None


def _find(texts: Any, patterns: Any) -> pa.Array:
    def found(compiled: Any, text: str) -> bool:
        return compiled.search(text, timeout=_SECONDS, concurrent=True) is not None

    return each(lambda text, p: _limited(found, p, text), pa.bool_(), texts, patterns)


def _extract(texts: Any, patterns: Any, groups: Any) -> pa.Array:
    def one(text: str, pattern: str, group: int) -> str:
        def taken(compiled: Any, text: str) -> str:
            match = compiled.search(text, timeout=_SECONDS, concurrent=True)
            if match is None or group > compiled.groups:
                return ""
            return match[group] or ""

        return str(_limited(taken, pattern, text))

    return each(one, pa.string(), texts, patterns, groups)


def _replace(texts: Any, patterns: Any, replacements: Any) -> pa.Array:
    def one(text: str, pattern: str, replacement: str) -> str:
        def written(match: Any) -> str:
            return _GROUP.sub(lambda g: (match[int(g[1])] or "") if g[1] else g[0][1], replacement)

        def replaced(compiled: Any, text: str) -> str:
            return str(compiled.sub(written, text, timeout=_SECONDS, concurrent=True))

        return str(_limited(replaced, pattern, text))

    return each(one, pa.string(), texts, patterns, replacements)


FAMILY = Family(
    title="Regular expressions beyond RE2",
    udfs=(
        Udf("_dremio_regex_find", ["VARCHAR", "VARCHAR"], "BOOLEAN", _find),
        Udf("_dremio_regex_extract", ["VARCHAR", "VARCHAR", "INTEGER"], "VARCHAR", _extract),
        Udf("_dremio_regex_replace", ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR", _replace),
    ),
)
