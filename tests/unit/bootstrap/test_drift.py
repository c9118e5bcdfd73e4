from __future__ import annotations

import copy
from typing import Any

import pytest

from bootstrap.superset.bundle import read_assets
from bootstrap.superset.drift import drift

Document = dict[str, Any]


@pytest.fixture
def there() -> dict[str, Document]:
    """What Superset exports after an import of the files, as far as it matters here."""
    documents = [copy.deepcopy(d) for d in read_assets().values() if "uuid" in d]
    for document in documents:
        # Superset 6.1 gives metrics and columns in another order, and charts their numbers.
        for key in ("metrics", "columns"):
            if key in document:
                document[key].reverse()
        for node in document.get("position", {}).values():
            if isinstance(node, dict) and "uuid" in node.get("meta", {}):
                node["meta"]["chartId"] = 7
    return {document["uuid"]: document for document in documents}


def found(there: dict[str, Document], name: str) -> Document:
    return next(
        d
        for d in there.values()
        if name in (d.get("slice_name"), d.get("dashboard_title"), d.get("table_name"))
    )


def told(there: dict[str, Document]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(d.part, d.name, d.fields) for d in drift(read_assets(), there)]


def test_what_was_imported_and_not_touched_is_no_drift(there: dict[str, Document]) -> None:
    assert told(there) == []


def test_edits_by_hand_are_told_by_name_and_field(there: dict[str, Document]) -> None:
    found(there, "Revenue")["params"]["y_axis_format"] = "d"
    found(there, "fct_orders")["metrics"][0]["expression"] = "1"
    found(there, "fct_orders")["columns"].append({"column_name": "new_in_the_table"})
    dashboard = found(there, "Customer analytics")
    dashboard["position"]["ROW-1"]["children"].pop()
    dashboard["css"] = "body { color: red }"
    metric = found(there, "fct_orders")["metrics"][0]["metric_name"]
    assert sorted(told(there)) == [
        ("chart", "Revenue", ("params.y_axis_format",)),
        ("dashboard", "Customer analytics", ("css", "position.ROW-1")),
        ("dataset", "fct_orders", (f"metrics.{metric}",)),
    ]


def test_a_deleted_chart_is_told(there: dict[str, Document]) -> None:
    del there[found(there, "Revenue")["uuid"]]
    assert told(there) == [("chart", "Revenue", ())]
