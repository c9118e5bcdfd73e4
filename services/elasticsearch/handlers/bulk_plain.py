"""The plain bulk request: only `index` and `create`, a line of action and a line of document each.

Read with as little work a document as can be. Anything unusual, and anything wrong, is left to
the parser that knows every case and says what is wrong.
"""

from __future__ import annotations

from typing import Any

import orjson

from services.elasticsearch.handlers.call import Call
from services.elasticsearch.state.documents.append import NewDocuments
from services.elasticsearch.state.documents.operations import new_id

_ACTIONS = frozenset({"index", "create"})
_NAMES = frozenset({"_index", "_id"})


def new_documents(call: Call) -> tuple[NewDocuments, bool] | None:
    """Return the documents and whether all their ids were made here; None: not that plain."""
    lines = call.raw.split(b"\n")
    if len(lines) < 3 or len(lines) % 2 == 0 or lines[-1] or call.flag("require_alias"):
        return None
    heads, bodies = lines[:-1:2], lines[1::2]
    try:
        documents = [orjson.loads(body) for body in bodies]
        targets, ids = _heads(heads, call.path.get("index"))
        texts = [body.decode() for body in bodies]
    except ValueError:  # orjson's and UnicodeDecodeError are such
        return None
    if set(map(type, documents)) != {dict}:
        return None
    made_here = not any(ids)
    own = [new_id() if identifier is None else identifier for identifier in ids]
    return NewDocuments(targets, own, texts, documents), made_here


def _heads(heads: list[bytes], default: str | None) -> tuple[list[tuple[str, str]], list[Any]]:
    """Return target and id of each line of action. Raises ValueError when one is not plain."""
    known: dict[bytes, tuple[tuple[str, str], str | None]] = {}
    targets: list[tuple[str, str]] = []
    ids: list[str | None] = []
    for head in heads:
        found = known.get(head)
        if found is None:
            found = _head(orjson.loads(head), default)
            if found[1] is None:
                known[head] = found
        targets.append(found[0])
        ids.append(found[1])
    return targets, ids


def _head(line: Any, default: str | None) -> tuple[tuple[str, str], str | None]:
    if type(line) is not dict or len(line) != 1:
        raise ValueError
    [(action, meta)] = line.items()
    if action not in _ACTIONS or type(meta) is not dict or not meta.keys() <= _NAMES:
        raise ValueError
    target, identifier = meta.get("_index", default), meta.get("_id")
    if type(target) is not str or not target:
        raise ValueError
    if identifier is not None and not (type(identifier) is str and 0 < len(identifier) <= 128):
        raise ValueError
    return (action, target), identifier
