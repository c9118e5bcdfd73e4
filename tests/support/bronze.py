"""A small shop and a few flights in bronze, as a sync leaves them (Airbyte's columns too)."""

from __future__ import annotations

import datetime
from decimal import Decimal

import duckdb
import duckdb_extensions

from services.common.settings import Settings

DAY = datetime.date(1997, 1, 1)
META = """
    CAST(uuid() AS VARCHAR) AS _airbyte_raw_id, CAST(now() AS TIMESTAMPTZ) AS _airbyte_extracted_at,
    '{}' AS _airbyte_meta, CAST(0 AS BIGINT) AS _airbyte_generation_id
"""

# order, customer, day, amount, status
ORDERS = [
    (1, 1, 0, "11.77", "completed"),
    (2, 2, 1, "12.00", "completed"),
    (3, 2, 9, "0.00", "free"),
    (4, 3, 9, "1999.99", "completed"),
    (5, 1, 40, "0.01", "completed"),
    (6, 1, 41, "77.10", "completed"),
]
MONEY = sum((Decimal(order[3]) for order in ORDERS), Decimal(0))

FLIGHTS = """
    SELECT 2013 AS year, 1 AS month, i % 28 + 1 AS day, CASE WHEN i % 10 = 0 THEN NULL ELSE 517 END
        AS dep_time, 515 AS sched_dep_time, CASE WHEN i % 10 = 0 THEN NULL ELSE i - 20 END
        AS dep_delay, 830 AS arr_time, 819 AS sched_arr_time, 11 AS arr_delay, 'UA' AS carrier,
        1000 + i AS flight, 'N1' AS tailnum, ['EWR', 'JFK', 'LGA'][i % 3 + 1] AS origin,
        'IAH' AS dest, 227 AS air_time, 1400 AS distance, 5 AS hour, 15 AS minute,
        TIMESTAMPTZ '2013-01-01 10:00:00Z' AS time_hour
    FROM range(60) AS t(i)
"""


class Bronze:
    """Writes to bronze as the sync server's storage user."""

    def __init__(self, settings: Settings) -> None:
        for extension in ("avro", "httpfs", "iceberg"):
            duckdb_extensions.import_extension(extension)
        key = settings.airbyte_s3_secret_key.get_secret_value()
        self._db = duckdb.connect()
        for statement in (
            "LOAD httpfs",
            "LOAD avro",
            "LOAD iceberg",
            f"CREATE SECRET s (TYPE s3, KEY_ID 'airbyte', SECRET '{key}', URL_STYLE 'path',"
            f" ENDPOINT '{settings.s3_endpoint}', USE_SSL false, REGION 'us-east-1')",
            f"CREATE SECRET i (TYPE iceberg, CLIENT_ID 'airbyte', CLIENT_SECRET '{key}',"
            f" OAUTH2_SERVER_URI '{settings.iceberg_uri}/v1/oauth/tokens')",
            f"ATTACH 'bronze' AS bronze (TYPE iceberg, ENDPOINT '{settings.iceberg_uri}',"
            " SECRET i)",
            "CREATE SCHEMA IF NOT EXISTS bronze.shop",
            "CREATE SCHEMA IF NOT EXISTS bronze.nycflights",
        ):
            self._db.execute(statement)

    def fill(self) -> None:
        """Make the three tables."""
        values = ", ".join(self._order(*order) for order in ORDERS)
        self._db.execute(f"CREATE TABLE bronze.shop.orders AS {self._orders(values)}")
        self._db.execute(
            "CREATE TABLE bronze.shop.customers AS SELECT CAST(i AS BIGINT) AS customer_id,"
            f" DATE '{DAY}' AS first_purchase_on, '1997-01' AS cohort, now() AS created_at,"
            f" now() AS updated_at, {META} FROM range(1, 4) AS t(i)"
        )
        self._db.execute(
            f"CREATE TABLE bronze.nycflights.flights AS SELECT *, {META} FROM ({FLIGHTS})"
        )

    def add_order(self, *order: object) -> None:
        """Append one state of an order, as an incremental sync would."""
        self._db.execute(f"INSERT INTO bronze.shop.orders {self._orders(self._order(*order))}")

    def forget_order(self, order_id: int) -> None:
        """Remove every state of an order."""
        self._db.execute(f"DELETE FROM bronze.shop.orders WHERE order_id = {order_id}")

    @staticmethod
    def _order(*order: object) -> str:
        number, customer, days, amount, status = order
        return f"({number}, {customer}, {days}, {amount}, '{status}')"

    @staticmethod
    def _orders(values: str) -> str:
        return (
            "SELECT CAST(o AS BIGINT) AS order_id, CAST(c AS BIGINT) AS customer_id,"
            f" DATE '{DAY}' + CAST(d AS INTEGER) AS ordered_on, CAST(2 AS INTEGER) AS quantity,"
            " CAST(a AS DECIMAL(12, 2)) AS amount, s AS status, now() AS updated_at,"
            f" {META} FROM (VALUES {values}) AS t(o, c, d, a, s)"
        )
