"""The main job: every hop holds what the source holds, row by row and to the cent."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest
from minio import Minio

from bootstrap.clients.airbyte import Airbyte
from tests.support.flight import read
from tests.support.platform import Home

PURCHASES, CUSTOMERS, FLIGHTS = 69_659, 23_570, 336_776

ORDER = "order_id, customer_id, ordered_on, quantity, amount, status"


def source_orders(platform: Home) -> list[tuple[object, ...]]:
    with psycopg.connect(platform.settings.postgres_dsn("shop")) as connection:
        query = f"SELECT {ORDER} FROM orders ORDER BY order_id"
        return connection.execute(query).fetchall()


def lake_orders(platform: Home, table: str) -> list[tuple[object, ...]]:
    rows = read(platform.settings, f"SELECT {ORDER} FROM {table} ORDER BY order_id")
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def test_every_hop_agrees_and_holds_the_known_totals(platform: Home) -> None:
    flows = {flow["name"]: flow for flow in platform.lakelet_json("verify")}
    assert all(flow["agrees"] for flow in flows.values())
    assert {hop["rows"] for hop in flows["orders"]["hops"]} == {PURCHASES}
    assert {hop["rows"] for hop in flows["customers"]["hops"]} == {CUSTOMERS}
    assert {hop["rows"] for hop in flows["flights"]["hops"]} == {FLIGHTS}
    assert {hop["money"] for hop in flows["orders"]["hops"]} == {"2500315.63"}


@pytest.mark.parametrize("table", ["bronze.shop.orders", "silver.stg_orders", "gold.fct_orders"])
def test_orders_are_the_sources_row_by_row(platform: Home, table: str) -> None:
    assert lake_orders(platform, table) == source_orders(platform)


def test_flights_are_the_files_line_by_line(platform: Home) -> None:
    path = platform.settings.inbox_dir / "nycflights" / "flights.csv"
    with path.open(newline="") as file:
        lines = sorted(
            (r["time_hour"], r["carrier"], int(r["flight"]), r["origin"], r["dest"], r["dep_delay"])
            for r in csv.DictReader(file)  # the file writes NA where a flight was cancelled
        )
    rows = read(
        platform.settings,
        "SELECT time_hour, carrier, flight, origin, dest, dep_delay FROM bronze.nycflights.flights",
    )
    found = sorted(
        (f"{hour:%Y-%m-%dT%H:%M:%SZ}", *others, "NA" if delay is None else f"{delay:g}")
        for hour, *others, delay in zip(*(c.to_pylist() for c in rows.columns), strict=True)
    )
    assert found == lines


def test_money_is_exact_in_gold(platform: Home) -> None:
    rows = read(platform.settings, "SELECT * FROM gold.fct_orders LIMIT 1")
    assert pa.types.is_decimal(rows.schema.field("amount").type)
    daily = read(platform.settings, "SELECT SUM(revenue) AS revenue FROM gold.fct_daily_revenue")
    assert Decimal(str(daily["revenue"][0].as_py())) == Decimal("2500315.63")


def test_bronze_rows_carry_airbytes_columns(platform: Home) -> None:
    columns = read(platform.settings, "SELECT * FROM bronze.shop.orders LIMIT 1").column_names
    assert {
        "_airbyte_raw_id",
        "_airbyte_extracted_at",
        "_airbyte_meta",
        "_airbyte_generation_id",
    } <= set(columns)


def test_a_sync_with_nothing_new_adds_nothing(platform: Home) -> None:
    before = lake_orders(platform, "bronze.shop.orders")
    platform.lakelet_json("sync", "shop")
    assert lake_orders(platform, "bronze.shop.orders") == before


def test_a_second_up_finds_nothing_to_do(platform: Home) -> None:
    outcome = platform.lakelet_json("up")
    assert outcome["agrees"]
    assert set(outcome["steps"]) == {"count every hop"}


def test_status_shows_every_service_healthy(platform: Home) -> None:
    rows = platform.lakelet_json("status")
    assert {"postgres", "storage", "dremio", "airbyte", "superset"} <= {r["name"] for r in rows}
    assert all(row["healthy"] and row["memory"] > 0 for row in rows)


def test_each_s3_user_sees_its_buckets_only(platform: Home) -> None:
    settings = platform.settings

    def buckets(user: str, secret: str) -> set[str]:
        client = Minio(settings.s3_endpoint, user, secret, secure=False)
        return {bucket.name for bucket in client.list_buckets()}

    everything = {"bronze", "silver", "gold", "landing", "logs", "dlq", "backups"}
    root = settings.minio_root_password.get_secret_value()
    assert buckets(settings.minio_root_user, root) == everything
    airbyte = settings.airbyte_s3_secret_key.get_secret_value()
    assert buckets("airbyte", airbyte) == {"bronze", "landing", "dlq"}


def test_dbt_made_its_documentation(platform: Home) -> None:
    catalog = json.loads((platform.settings.data_dir / "dbt/target/catalog.json").read_text())
    assert any(node.endswith("customer_metrics") for node in catalog["nodes"])


def test_what_runs_is_what_the_files_say_until_somebody_changes_it(platform: Home) -> None:
    assert platform.lakelet_json("plan") == []
    airbyte = Airbyte(platform.settings)
    connection = airbyte.connection_id("nycflights")
    change = {"connectionId": connection, "nonBreakingChangesPreference": "propagate_fully"}
    airbyte.post("connections/update", change)
    told = platform.lakelet("plan")
    assert told.returncode == 1
    assert "nonBreakingChangesPreference: 'propagate_fully' → 'ignore'" in told.stdout
    airbyte.post("connections/update", {**change, "nonBreakingChangesPreference": "ignore"})
    assert platform.lakelet_json("plan") == []


def test_any_dbt_command_runs_on_the_platform(platform: Home) -> None:
    listed = platform.lakelet(
        "dbt", "--quiet", "ls", "--select", "tag:marts", "--resource-type", "model"
    )
    assert listed.returncode == 0, listed.stdout
    assert "lakelet.marts.customer_metrics" in listed.stdout.split()
