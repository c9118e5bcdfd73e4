"""Assets without some of their datasets: their charts go too, and those charts' places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Documents = dict[Path, dict[str, Any]]


def leave_out(documents: Documents, tables: tuple[str, ...]) -> Documents:
    """Return the documents without the datasets called `tables` and all that shows them."""
    datasets = {
        document["uuid"] for document in documents.values() if document.get("table_name") in tables
    }
    gone = datasets | {
        document["uuid"]
        for document in documents.values()
        if document.get("dataset_uuid") in datasets
    }
    return {
        path: {**document, "position": _closed_up(document["position"], gone)}
        if "position" in document
        else document
        for path, document in documents.items()
        if document.get("uuid") not in gone
    }


def _closed_up(position: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """Return a dashboard's layout without these charts and without what then holds nothing."""
    kept = dict(position)
    empty = {
        name
        for name, node in kept.items()
        if isinstance(node, dict) and node.get("meta", {}).get("uuid") in gone
    }
    while empty:
        kept = {name: node for name, node in kept.items() if name not in empty}
        emptied = set()
        for name, node in kept.items():
            before = node.get("children", []) if isinstance(node, dict) else []
            left = [child for child in before if child not in empty]
            if left != before:
                kept[name] = {**node, "children": left}
                emptied |= set() if left else {name}
        empty = emptied
    return kept
