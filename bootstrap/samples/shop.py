"""The CDNOW purchase log, loaded into PostgreSQL database `shop` (`customers`, `orders`).

The log's columns are customer, date (YYYYMMDD), number of CDs and dollars; a purchase's number
is its line.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from bootstrap.samples.carriers import carrier_file
from services.common.settings import Settings

LOG = "lifetimes/datasets/CDNOW_master.txt"
_HERE = Path(__file__).parent

Connection = psycopg.Connection[Any]
Purchase = tuple[int, int, datetime.date, int, Decimal]


def load_shop(settings: Settings) -> int:
    """Fill the database in one transaction unless it has the table `orders`; return rows loaded.

    Data that is there is the user's and stays as it is (0 rows loaded then).
    """
    with psycopg.connect(settings.postgres_dsn("shop")) as connection:
        if connection.execute("SELECT to_regclass('public.orders')").fetchone() != (None,):
            return 0
        return create_tables(connection, lambda: _copy(connection, settings))


def create_tables(connection: Connection, fill_purchases: Callable[[], int]) -> int:
    """Make the shop's tables from the temporary table `purchases`; return its rows.

    `fill_purchases` is called between, and fills it; all is one transaction.
    """
    connection.execute((_HERE / "shop.sql").read_bytes())
    rows = fill_purchases()
    connection.execute((_HERE / "shop_fill.sql").read_bytes())
    return rows


def _copy(connection: Connection, settings: Settings) -> int:
    rows = 0
    with connection.cursor().copy("COPY purchases FROM STDIN") as copy:
        for purchase in read_purchases(carrier_file(settings, LOG)):
            copy.write_row(purchase)
            rows += 1
    return rows


def read_purchases(path: Path) -> Iterator[Purchase]:
    """Yield (order, customer, date, quantity, dollars) for each line after the header."""
    with path.open() as lines:
        next(lines)
        for number, line in enumerate(lines, start=1):
            customer, day, quantity, dollars = line.split()
            date = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:]))
            yield number, int(customer), date, int(quantity), Decimal(dollars)
