"""Finding the handler of a path. Path parts are decoded after splitting: an id may hold `/`."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from services.elasticsearch.errors import RequestError
from services.elasticsearch.wire.routes import ROUTES, Handler


class Router:
    """A tree of path parts; a part that is written out wins over a placeholder."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        for methods, pattern, handler in ROUTES:
            node, names = self._root, []
            for part in [p for p in pattern.split("/") if p]:
                if part.startswith("{"):
                    names.append(part[1:-1])
                    part = "{}"
                node = node.setdefault(part, {})
            for method in methods.split():
                node.setdefault("", {}).setdefault(method, (handler, names, pattern))

    def find(self, method: str, raw_path: str) -> tuple[Handler, dict[str, str], str]:
        """Return the handler, the path's parts by name and the path's pattern.

        Raises RequestError: 405 when only other methods are known there, else 400.
        """
        parts = [unquote(p) for p in raw_path.split("/") if p]
        allowed: set[str] = set()
        for leaf, values in self._leaves(self._root, parts, []):
            if method in leaf:
                handler, names, pattern = leaf[method]
                return handler, dict(zip(names, values, strict=True)), pattern
            allowed |= set(leaf)
        if allowed:
            reason = (
                f"Incorrect HTTP method for uri [{raw_path}] and method [{method}], "
                f"allowed: {sorted(allowed)}"
            )
            raise RequestError(405, "method_not_allowed_exception", reason)
        raise RequestError(
            400,
            "illegal_argument_exception",
            f"no handler found for uri [{raw_path}] and method [{method}]",
        )

    def _leaves(self, node: dict[str, Any], parts: list[str], values: list[str]) -> Any:
        if not parts:
            if "" in node:
                yield node[""], values
            return
        head, rest = parts[0], parts[1:]
        if head in node and head:
            yield from self._leaves(node[head], rest, values)
        # No index, alias or node is called `_something`, save for `_all`, `_local` …
        if "{}" in node and (values or not head.startswith("_") or head in ("_all", "_local")):
            yield from self._leaves(node["{}"], rest, [*values, head])
