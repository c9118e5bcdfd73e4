"""Filtering a document's `_source` by patterns (`_source`, `_source_includes` …)."""

from __future__ import annotations

import fnmatch
from typing import Any

from services.elasticsearch.errors import parsing


class SourceFilter:
    """`_source` of a search or get: true, false, a pattern, patterns, or includes/excludes."""

    def __init__(self, wanted: Any = True) -> None:
        """Raises parsing_exception when `wanted` is none of these."""
        self.enabled, self.includes, self.excludes = True, [], []
        if wanted is None or isinstance(wanted, bool):
            self.enabled = wanted is not False
        elif isinstance(wanted, str):
            self.includes = wanted.split(",")
        elif isinstance(wanted, list):
            self.includes = [str(item) for item in wanted]
        elif isinstance(wanted, dict):
            self.includes = _texts(wanted.get("includes", wanted.get("include", [])))
            self.excludes = _texts(wanted.get("excludes", wanted.get("exclude", [])))
        else:
            raise parsing("expected a boolean, a text, an array or an object for [_source]")

    @property
    def whole(self) -> bool:
        """Whether the source is shown as it is."""
        return self.enabled and not self.includes and not self.excludes

    def apply(self, source: dict[str, Any]) -> dict[str, Any]:
        """Return what is left of `source`."""
        return source if self.whole else self._walk(source, "")

    def _walk(self, value: dict[str, Any], prefix: str) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            path = f"{prefix}{name}"
            if any(_covers(p, path) for p in self.excludes):
                continue
            if isinstance(inner, dict):
                below = self._walk(inner, f"{path}.")
                if below or (not inner and self._included(path)):
                    kept[name] = below
            elif isinstance(inner, list) and any(isinstance(i, dict) for i in inner):
                items = [self._walk(i, f"{path}.") for i in inner if isinstance(i, dict)]
                items = [i for i in items if i]
                if items:
                    kept[name] = items
            elif self._included(path):
                kept[name] = inner
        return kept

    def _included(self, path: str) -> bool:
        return not self.includes or any(_covers(p, path) for p in self.includes)


def _covers(pattern: str, path: str) -> bool:
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"{pattern}.*")


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def values_at(source: Any, path: str) -> list[Any]:
    """Return the values that a document has at a dotted path, over arrays."""
    if isinstance(source, list):
        return [found for item in source for found in values_at(item, path)]
    if not isinstance(source, dict):
        return []
    found: list[Any] = []
    if path in source:
        value = source[path]
        found += value if isinstance(value, list) else [value]
    head, _, rest = path.partition(".")
    while rest:
        if head in source:
            found += values_at(source[head], rest)
        more, _, rest = rest.partition(".")
        head = f"{head}.{more}"
    return [item for item in found if item is not None]
