"""The plain bulk request: only `index` and `create`, a line of action and a line of document each.

Read with as little work a document as can be. Anything unusual, and anything wrong, is left to
the parser that knows every case and says what is wrong.
"""

from __future__ import annotations

import itertools
from typing import Any

import orjson

from services.elasticsearch.handlers.call import Call
from services.elasticsearch.state.documents.append import Appended, NewDocuments
from services.elasticsearch.state.documents.operations import new_id, new_ids

_ACTIONS = frozenset({"index", "create"})
_NAMES = frozenset({"_index", "_id"})
_CREATED = '"result":"created","_shards":{"total":1,"successful":1,"failed":0}'


def new_documents(call: Call) -> NewDocuments | None:
    """Return the documents; None: the request is not that plain."""
    lines = call.raw.split(b"\n")
    if len(lines) < 3 or len(lines) % 2 == 0 or lines[-1] or call.flag("require_alias"):
        return None
    heads, texts = lines[:-1:2], lines[1::2]
    default = call.path.get("index")
    try:
        documents = list(map(orjson.loads, texts))
        known = {head: _head(orjson.loads(head), default) for head in set(heads)}
    except ValueError:  # orjson's is one
        return None
    if set(map(type, documents)) != {dict}:
        return None
    targets, ids = map(list, zip(*map(known.__getitem__, heads), strict=True))
    made_here = not any(ids)
    if made_here:
        ids = new_ids(len(ids))
    elif None in ids:
        ids = [new_id() if identifier is None else identifier for identifier in ids]
    return NewDocuments(targets, ids, texts, documents, made_here)


def answer_items(new: NewDocuments, parts: list[Appended]) -> orjson.Fragment:
    """Return the answer's `items`: every document was created.

    Written out as text: dictionaries of them cost several times as much.
    """
    items = [""] * len(new.ids)
    for part in parts:
        head = f'"_index":{orjson.dumps(part.index.name).decode()},"_id"'
        ids = part.ids if new.ids_are_new else [orjson.dumps(i).decode()[1:-1] for i in part.ids]
        for position, identifier, seq in zip(
            part.positions, ids, itertools.count(part.first_seq), strict=False
        ):
            items[position] = (
                f'{{"{new.targets[position][0]}":{{{head}:"{identifier}","_version":1,{_CREATED},'
                f'"_seq_no":{seq},"_primary_term":1,"status":201}}}}'
            )
    return orjson.Fragment(f"[{','.join(items)}]")


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
