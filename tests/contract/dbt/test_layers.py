"""dbt, unchanged, against the engine: layer by layer, a failed test in between, new rows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pydantic import SecretStr

from bootstrap.clients.dremio import DBT, SUPERSET, Dremio, login_of
from bootstrap.dbt import DataTestError, run_layers
from bootstrap.platform_file import read_platform
from bootstrap.progress import Progress
from bootstrap.provision.people import ensure_people
from services.common.errors import PermanentError
from services.common.settings import CHECKOUT, Settings
from tests.support.bronze import MONEY, ORDERS, Bronze
from tests.support.lake import LAYERS, lake_in
from tests.support.platform import Home


@pytest.fixture(scope="module")
def lake_and_bronze(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Bronze]]:
    with lake_in(tmp_path_factory.mktemp("lake")) as both:
        yield both


@pytest.fixture
def lake(lake_and_bronze: tuple[Home, Bronze]) -> Home:
    return lake_and_bronze[0]


@pytest.fixture
def bronze(lake_and_bronze: tuple[Home, Bronze]) -> Bronze:
    return lake_and_bronze[1]


def tables(dremio: Dremio, layer: str) -> set[str]:
    rows = dremio.sql(
        f"SELECT TABLE_NAME FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_SCHEMA = '{layer}'"
    )
    return {row["TABLE_NAME"] for row in rows}


def test_a_failed_test_stops_the_next_layer_and_names_itself(lake: Home, bronze: Bronze) -> None:
    bronze.add_order(66, 1, 50, "5.00", "refunded")
    bronze.add_order(67, 99, 51, "5.00", "completed")
    with pytest.raises(DataTestError) as error:
        run_layers(lake.settings, LAYERS, Progress())
    words = str(error.value)
    assert words.startswith("2 of ")
    assert (
        "accepted_values_stg_orders_status__completed__free on stg_orders: 1 failing row" in words
    )
    assert "relationships_stg_orders_customer_id" in words
    dremio = Dremio(lake.settings)
    assert tables(dremio, "silver") == {"stg_customers", "stg_orders", "stg_flights"}
    assert tables(dremio, "gold") == set()
    bronze.forget_order(66)
    bronze.forget_order(67)


def test_the_layers_are_built_and_money_is_exact(lake: Home, bronze: Bronze) -> None:
    run = run_layers(lake.settings, LAYERS, Progress())
    rows = {model: count for model, count, _seconds in run.table()}
    assert rows["stg_orders"] == rows["fct_orders"] == len(ORDERS)
    assert rows["customer_metrics"] == 3
    assert rows["stg_flights"] == 60
    assert run.warnings == ()
    dremio = Dremio(lake.settings)
    for table, column in (
        ("silver.stg_orders", "amount"),
        ("gold.fct_orders", "amount"),
        ("gold.fct_daily_revenue", "revenue"),
        ("gold.customer_metrics", "lifetime_value"),
    ):
        (found,) = dremio.sql(f"SELECT CAST(SUM({column}) AS VARCHAR) AS money FROM {table}")
        assert Decimal(found["money"]) == MONEY, table
    (cancelled,) = dremio.sql("SELECT SUM(cancelled) AS n FROM gold.fct_flight_delays_daily")
    assert cancelled["n"] == 6


def test_each_part_asks_as_its_own_user_with_least_rights(lake: Home) -> None:
    settings = lake.settings
    admin = Dremio(settings)
    asked = admin.sql(
        "SELECT DISTINCT user_name FROM sys.audit WHERE event_type = 'CHANGE' "
        "AND outcome = 'OK' AND objects LIKE 'gold.customer_metrics%'"
    )
    assert asked == [{"user_name": "dbt"}]
    assert login_of(settings, DBT) == ("dbt", settings.password_of("dbt"))
    assert login_of(settings, SUPERSET)[0] == "superset"
    assert ensure_people(admin, read_platform(settings), settings) == "as they were"
    superset = asking(settings, SUPERSET)
    assert superset.sql("SELECT COUNT(*) AS n FROM gold.customer_metrics")[0]["n"] == 3
    dbt = asking(settings, DBT)
    dbt.sql("CREATE TABLE silver.scratch AS SELECT 1 AS a")
    for who, statement in (
        (superset, "SELECT * FROM bronze.shop.orders"),
        (superset, "DELETE FROM gold.customer_metrics"),
        (superset, "CREATE TABLE gold.mine AS SELECT 1 AS a"),
        (superset, "CREATE USER someone"),
        (dbt, "DELETE FROM bronze.shop.orders"),
        (dbt, "CREATE SPACE mine"),
        (dbt, "GRANT SELECT ON SOURCE bronze TO USER superset"),
        (dbt, "DROP USER superset"),
    ):
        with pytest.raises(PermanentError, match=r"does not have|Access denied|ADMIN"):
            who.sql(statement)
    dbt.sql("DROP TABLE silver.scratch")
    # A password that was changed by hand is set right again.
    admin.sql("ALTER USER dbt SET PASSWORD 'something else 1'")
    assert login_of(settings, DBT)[0] == settings.admin_user
    ensure_people(admin, read_platform(settings), settings)
    assert login_of(settings, DBT)[0] == "dbt"


def asking(settings: Settings, name: str) -> Dremio:
    """A session of one of the platform's own users."""
    password = SecretStr(settings.password_of(name))
    return Dremio(settings.model_copy(update={"admin_user": name, "admin_password": password}))


def test_the_documentation_knows_every_column(lake: Home) -> None:
    target = lake.settings.data_dir / "dbt" / "target"
    catalog = json.loads((target / "catalog.json").read_text())["nodes"]
    manifest = json.loads((target / "manifest.json").read_text())["nodes"]
    models = [node for node in manifest.values() if node["resource_type"] == "model"]
    assert len(models) == 10
    for model in models:
        described = set(model["columns"])
        assert described == set(catalog[model["unique_id"]]["columns"]), model["name"]
        assert model["description"]
        assert all(column["description"] for column in model["columns"].values()), model["name"]
    assert (target / "index.html").stat().st_size > 1_000_000


def test_the_wiki_in_dremio_says_what_a_table_is(lake: Home) -> None:
    dremio = Dremio(lake.settings)
    entity = dremio.by_path("gold", "customer_metrics")
    assert entity is not None
    wiki = dremio.call("GET", f"/api/v3/catalog/{entity['id']}/collaboration/wiki")
    assert "Everything measured of a customer in one row" in wiki["text"]


def test_only_changed_customers_orders_are_merged(lake: Home, bronze: Bronze) -> None:
    dremio = Dremio(lake.settings)
    # A correction, an earlier order that comes late, and one that changes hands.
    bronze.add_order(6, 1, 41, "70.00", "completed")
    bronze.add_order(7, 1, 20, "3.33", "completed")
    bronze.add_order(3, 3, 9, "0.00", "free")
    run_layers(lake.settings, LAYERS, Progress())
    found = dremio.sql(
        "SELECT order_id, customer_id, order_number, CAST(spent_so_far AS VARCHAR) AS spent"
        " FROM gold.fct_orders ORDER BY customer_id, order_number"
    )
    assert [tuple(row.values()) for row in found] == [
        (1, 1, 1, "11.77"),
        (7, 1, 2, "15.10"),
        (5, 1, 3, "15.11"),
        (6, 1, 4, "85.11"),
        (2, 2, 1, "12.00"),
        (3, 3, 1, "0.00"),
        (4, 3, 2, "1999.99"),
    ]


def test_the_checkout_stays_clean(lake: Home) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain", "--ignored", "dbt"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""
