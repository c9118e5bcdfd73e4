"""How Superset differs from `superset_assets/`: what was edited there by hand, what is not there.

The next import puts the files' state back, and keeps what it overwrites in a file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import yaml

from bootstrap.differences import DIFFERS, MISSING, Difference
from bootstrap.superset.leaving_out import Documents

_NAMES = {"slice_name": "chart", "dashboard_title": "dashboard", "table_name": "dataset"}
# Superset writes these by itself: numbers of its own database, the query that follows from
# `params`, and the colours that a dashboard had when somebody looked at it.
_ITS_OWN = {
    "query_context", "version", "chartId", "datasource", "slice_id", "dashboards",
    "color_scheme_domain", "label_colors", "shared_label_colors", "map_label_colors",
}  # fmt: skip


def exported(content: bytes) -> dict[str, dict[str, Any]]:
    """Return the documents of an export by their uuids."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if PurePosixPath(name).suffix == ".yaml":
                document = yaml.safe_load(archive.read(name))
                if "uuid" in document:
                    found[document["uuid"]] = document
    return found


def drift(files: Documents, there: dict[str, dict[str, Any]]) -> Iterator[Difference]:
    """Yield how what is there differs from the files."""
    for document in files.values():
        naming = next((key for key in _NAMES if key in document), None)
        if naming is None:
            continue  # a database: its address is this platform's own
        part, name = _NAMES[naming], str(document[naming])
        present = there.get(document["uuid"])
        if present is None:
            yield Difference(part, name, MISSING)
        elif fields := tuple(_differing(document, present)):
            yield Difference(part, name, DIFFERS, fields)


def _differing(wanted: Any, present: Any, within: str = "") -> Iterator[str]:
    """Yield the paths at which a document is not what the file says, two steps deep."""
    keys = dict.fromkeys([*wanted, *(present if within else ())])
    wanted, present = _plain(wanted), _plain(present)
    for key in (key for key in keys if key not in _ITS_OWN):
        one, other = wanted.get(key), present.get(key)
        if one == other:
            continue
        if not within and isinstance(one, dict) and isinstance(other, dict):
            if key == "columns":  # Superset adds those that the table has got since
                other = {name: column for name, column in other.items() if name in one}
            yield from _differing(one, other, f"{key}.")
        else:
            yield f"{within}{key}"


def _plain(value: Any) -> Any:
    """Return a value without what is Superset's own or says nothing; what has names by them."""
    if isinstance(value, dict):
        plain = {key: _plain(each) for key, each in value.items() if key not in _ITS_OWN}
        return {key: each for key, each in plain.items() if each not in (None, "", [], {}, "{}")}
    if isinstance(value, list):
        named = {_name(each): _plain(each) for each in value if _name(each)}
        return named if value and len(named) == len(value) else [_plain(each) for each in value]
    return value


def _name(item: Any) -> str:
    """Return the name of a dataset's metric or column; their order says nothing."""
    found = item.get("metric_name") or item.get("column_name") if isinstance(item, dict) else None
    return str(found or "")
