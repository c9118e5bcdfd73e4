"""The dashboard as code, through Superset and Flight to the engine."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bootstrap.clients.dremio import Dremio
from bootstrap.superset import build_bundle, import_assets
from bootstrap.superset.bundle import WATCHING
from bootstrap.superset.client import Superset
from bootstrap.superset.drift import exported
from bootstrap.superset.importing import check_dashboards, plan_assets
from services.common.errors import PermanentError
from tests.support.platform import Home

DASHBOARD = "customer-analytics"
MONEY = Decimal("2097.10")
KINDS = ("database", "dataset", "chart", "dashboard")


def everything(superset: Superset) -> dict[str, Any]:
    """Return what Superset has by its ids: what was saved last would come first."""
    found: dict[str, Any] = {
        kind: sorted(
            (item["id"], item.get("uuid"))
            for item in superset.call("GET", f"/api/v1/{kind}/?q=(page_size:100)")["result"]
        )
        for kind in KINDS
    }
    dashboard = superset.dashboard(DASHBOARD)
    found["layout"] = dashboard["position_json"]
    found["charts"] = sorted(
        (chart["id"], chart["slice_name"], chart["form_data"])
        for chart in superset.charts_of(DASHBOARD)
    )
    return found


def test_a_second_import_changes_nothing(gold: Home) -> None:
    assert import_assets(gold.settings) == "1 dashboard, 9 charts, all answer"
    superset = Superset(gold.settings)
    first = everything(superset)
    assert [len(first[kind]) for kind in KINDS] == [1, 3, 9, 1]
    assert import_assets(gold.settings) == "1 dashboard, 9 charts, all answer"
    assert everything(superset) == first


def test_charts_show_what_gold_holds(gold: Home) -> None:
    superset = Superset(gold.settings)
    ids = {chart["slice_name"]: chart["id"] for chart in superset.charts_of(DASHBOARD)}

    def data(name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = superset.chart_data(ids[name])[0]["data"]
        return rows

    assert data("Revenue") == [{"total_revenue": MONEY}]
    assert data("Orders") == [{"total_orders": 7}]
    assert data("Customers") == [{"customer_count": 3}]
    assert [row["total_orders"] for row in data("Orders by month")] == [5, 2]
    assert [
        (r["value_band_from"], r["customer_count"]) for r in data("Lifetime value of customers")
    ] == [(0, 1), (75, 1), (500, 1)]
    top = data("Top customers")
    assert [row["customer_id"] for row in top] == [3, 1, 2]
    assert Decimal(str(top[0]["lifetime_value"])) == Decimal("1999.99")
    weeks = data("Revenue over time")
    parts = [
        week[part] for week in weeks for part in ("first_order_revenue", "later_order_revenue")
    ]
    assert round(sum(Decimal(str(part)) for part in parts), 2) == MONEY


def test_a_wrong_password_is_found_though_superset_accepts_it(gold: Home) -> None:
    superset = Superset(gold.settings)
    bundle = build_bundle(gold.settings, without=(WATCHING,))
    superset.import_bundle(bundle.content, dict.fromkeys(bundle.passwords, "not-the-password"))
    with pytest.raises(PermanentError, match=r"9 of 9 charts do not answer: Average .*Top"):
        check_dashboards(superset, bundle.dashboards)
    import_assets(gold.settings)


def test_sql_lab_sends_dremios_functions_as_written(gold: Home) -> None:
    superset = Superset(gold.settings)
    (database,) = superset.call("GET", "/api/v1/database/")["result"]
    answer = superset.call(
        "POST",
        "/api/v1/sqllab/execute/",
        {
            "database_id": database["id"],
            "sql": "SELECT TO_CHAR(ordered_on, 'YYYY-MM') AS m, STRPOS(status, 'r') AS p"
            " FROM gold.fct_orders WHERE order_id = 3",
            "runAsync": False,
            "schema": "gold",
        },
    )
    assert answer["data"] == [{"m": "1997-01", "p": 2}]


def test_superset_lists_the_schemas_and_tables(gold: Home) -> None:
    superset = Superset(gold.settings)
    (database,) = superset.call("GET", "/api/v1/database/")["result"]
    schemas = superset.call("GET", f"/api/v1/database/{database['id']}/schemas/")["result"]
    assert {"gold", "silver"} <= set(schemas)
    tables = superset.call(
        "GET", f"/api/v1/database/{database['id']}/tables/?q=(schema_name:gold)"
    )["result"]
    assert {"fct_orders", "customer_metrics"} <= {table["value"] for table in tables}


def test_an_edit_by_hand_is_told_and_kept_when_an_import_overwrites_it(gold: Home) -> None:
    superset, dremio = Superset(gold.settings), Dremio(gold.settings)
    assert list(plan_assets(superset, dremio)) == []
    revenue = next(c for c in superset.charts_of(DASHBOARD) if c["slice_name"] == "Revenue")
    superset.call("PUT", f"/api/v1/chart/{revenue['id']}", {"slice_name": "Income"})

    (found,) = plan_assets(superset, dremio)
    assert (found.part, found.name, found.fields) == ("chart", "Revenue", ("slice_name",))
    told, _, kept = import_assets(gold.settings).partition("; as they were before: ")
    assert told == "1 dashboard, 9 charts, all answer"
    names = {document.get("slice_name") for document in exported(Path(kept).read_bytes()).values()}
    assert "Income" in names
    assert list(plan_assets(superset, dremio)) == []
