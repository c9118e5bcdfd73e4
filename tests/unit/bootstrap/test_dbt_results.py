"""What dbt's artefacts say, in words a user can act on."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.dbt import DbtRun, LayerResult, ModelResult, results
from bootstrap.dbt.results import DataTestError
from bootstrap.dbt.steps import command_of
from services.common.errors import PermanentError

NOT_NULL = "test.lakelet.not_null_stg_orders_amount.a1b2c3"
SINGULAR = "test.lakelet.money_agrees_between_silver_and_gold"
MANIFEST: dict[str, Any] = {
    "nodes": {
        NOT_NULL: {
            "name": "not_null_stg_orders_amount",
            "attached_node": "model.lakelet.stg_orders",
        },
        SINGULAR: {
            "name": "money_agrees_between_silver_and_gold",
            "attached_node": None,
            "depends_on": {"nodes": ["model.lakelet.stg_orders", "model.lakelet.fct_orders"]},
        },
    }
}


def result(unique_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "execution_time": 0.5, **more}


def test_failed_tests_are_named_with_model_and_rows() -> None:
    run = {
        "results": [
            result(NOT_NULL, "fail", failures=3),
            result(SINGULAR, "fail", failures=1),
            result("test.lakelet.unique_x.d4", "pass", failures=0),
        ]
    }
    with pytest.raises(DataTestError) as error:
        results.raise_for_tests("staging", run, MANIFEST, "")
    assert str(error.value) == (
        "2 of 3 tests of layer 'staging' failed, the layers after it were not built: "
        "not_null_stg_orders_amount on stg_orders: 3 failing rows; "
        "money_agrees_between_silver_and_gold on stg_orders, fct_orders: 1 failing row"
    )
    assert error.value.exit_code == 65


def test_a_test_that_cannot_run_is_no_finding_about_the_data() -> None:
    run = {"results": [result(NOT_NULL, "error", message="ERROR:\n  Table not found")]}
    with pytest.raises(
        PermanentError, match=r"could not be run: not_null.*: ERROR: Table"
    ) as error:
        results.raise_for_tests("staging", run, MANIFEST, "")
    assert not isinstance(error.value, DataTestError)


def test_passed_tests_raise_nothing() -> None:
    results.raise_for_tests("staging", {"results": [result(NOT_NULL, "pass")]}, MANIFEST, "")


def test_a_model_that_fails_is_named_with_the_engines_words() -> None:
    run = {
        "results": [
            result("model.lakelet.stg_orders", "success"),
            result("model.lakelet.dim_customers", "error", message="ERROR: no such\ncolumn"),
            result("model.lakelet.customer_metrics", "skipped"),
        ]
    }
    with pytest.raises(PermanentError, match=r"^dbt: dim_customers: ERROR: no such column$"):
        results.raise_for_models(run, "")


def test_dbts_own_failure_is_passed_on_when_no_model_was_tried() -> None:
    with pytest.raises(PermanentError, match="dbt: Runtime Error connection refused"):
        results.raise_for_models({"results": []}, "Runtime Error\n  connection refused")


def test_built_models_are_listed_in_order() -> None:
    run = {
        "results": [
            result("model.lakelet.stg_orders", "success", relation_name='"silver"."stg_orders"'),
            result("model.lakelet.broken", "error"),
        ]
    }
    assert results.built_models(run) == (ModelResult("stg_orders", '"silver"."stg_orders"', 0.5),)


def test_stale_sources_are_told_and_broken_ones_raise() -> None:
    stale = result("source.lakelet.shop.orders", "warn", max_loaded_at_time_ago_in_s=172_800.0)
    fresh = result("source.lakelet.shop.customers", "pass", max_loaded_at_time_ago_in_s=1.0)
    assert results.stale_sources({"results": [stale, fresh]}) == [
        "source shop.orders: newest row was ingested 48.0 hours ago"
    ]
    broken = result("source.lakelet.shop.orders", "runtime error", error="Object not found")
    with pytest.raises(PermanentError, match=r"source shop\.orders cannot be read: Object not"):
        results.stale_sources({"results": [broken]})


def test_a_run_is_a_table_of_models_rows_and_seconds() -> None:
    layers = (
        LayerResult("staging", (ModelResult("a", "silver.a", 1.0, 7),), 3, 2.0),
        LayerResult("marts", (ModelResult("b", "gold.b", 0.5, 2),), 1, 1.0),
    )
    assert DbtRun(layers).table() == [("a", 7, 1.0), ("b", 2, 0.5)]


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("run:tag:staging", ["run", "--select", "tag:staging"]),
        ("test:tag:marts", ["test", "--no-populate-cache", "--select", "tag:marts"]),
        ("freshness", ["source", "freshness"]),
        ("docs", ["docs", "generate"]),
        ("parse", ["parse"]),
    ],
)
def test_steps_are_dbts_commands(step: str, arguments: list[str]) -> None:
    assert command_of(step) == arguments
