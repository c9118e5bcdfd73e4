"""Counting rows and money at every hop: from the source to gold nothing may be lost or doubled."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from psycopg import sql

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import Platform, Reconciliation, Source
from services.common.errors import ConfigError, TransientError
from services.common.settings import Settings


@dataclass(frozen=True)
class Hop:
    """What one hop holds; `money` is exact, None where no money is counted."""

    name: str
    place: str
    rows: int
    money: Decimal | None = None


@dataclass(frozen=True)
class Flow:
    """One thing that flows through the platform, with its hops in order."""

    name: str
    hops: tuple[Hop, ...]

    @property
    def agrees(self) -> bool:
        """Whether every hop holds what the source holds, money to the cent."""
        first = self.hops[0]
        return all((h.rows, h.money) == (first.rows, first.money) for h in self.hops)

    def as_dict(self) -> dict[str, Any]:
        """Return the flow for JSON; money as text, so that no cent is rounded."""
        hops = [
            {**asdict(hop), "money": None if hop.money is None else str(hop.money)}
            for hop in self.hops
        ]
        return {"name": self.name, "agrees": self.agrees, "hops": hops}


def reconcile(platform: Platform, settings: Settings, dremio: Dremio) -> list[Flow]:
    """Count every hop that lakelet.yml lists.

    Raises TransientError when the source does not answer, PermanentError when a hop's table
    cannot be read.
    """
    return [
        Flow(name, (_source_hop(platform, check, settings), *_lake_hops(check, dremio)))
        for name, check in platform.reconcile.items()
    ]


def _lake_hops(check: Reconciliation, dremio: Dremio) -> list[Hop]:
    hops = []
    for name, table in check.hops.items():
        money = f", SUM({check.money}) AS money" if check.money else ""
        (row,) = dremio.sql(f"SELECT COUNT(*) AS row_count{money} FROM {table}")  # noqa: S608
        amount = Decimal(str(row["money"] or 0)) if check.money else None
        hops.append(Hop(name, table, int(row["row_count"]), _cents(amount)))
    return hops


def _source_hop(platform: Platform, check: Reconciliation, settings: Settings) -> Hop:
    source = platform.sources[check.source.of]
    if source.type == "postgres" and check.source.table:
        return _postgres_hop(source, check.source.table, check.money)
    if source.type == "mysql" and check.source.table:
        return _mysql_hop(source, check.source.table, check.money)
    if source.type == "file" and str(source.configuration.get("format")) == "csv":
        inside = str(source.configuration["url"]).removeprefix("/local/")
        return _csv_hop(settings.inbox_dir / inside)
    raise ConfigError(
        f"reconcile: a source of type {source.type!r} cannot be counted; "
        "name a table of a postgres or mysql source, or a csv file source"
    )


def _postgres_hop(source: Source, table: str, money: str | None) -> Hop:
    config = source.configuration
    total = sql.SQL("sum({})").format(sql.Identifier(money)) if money else sql.SQL("NULL")
    query = sql.SQL("SELECT count(*), {} FROM {}").format(total, sql.Identifier(*table.split(".")))
    try:
        with psycopg.connect(
            host=config["host"],
            port=config["port"],
            dbname=config["database"],
            user=config["username"],
            password=config.get("password"),
            connect_timeout=10,
        ) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.OperationalError as error:
        raise TransientError(f"the source of {table} does not answer: {error}") from error
    rows, amount = row if row else (0, None)
    return Hop("source", table, rows, _cents(Decimal(amount or 0)) if money else None)


def _mysql_hop(source: Source, table: str, money: str | None) -> Hop:
    config = source.configuration
    mode = (config.get("ssl_mode") or {}).get("mode", "preferred")
    total = f"sum({_mysql_name(money)})" if money else "NULL"
    place = ".".join(_mysql_name(part) for part in table.split("."))
    try:
        with (
            pymysql.connect(
                host=config["host"],
                port=int(config["port"]),
                database=config["database"],
                user=config["username"],
                password=config.get("password") or "",
                connect_timeout=10,
                ssl=None if mode == "preferred" else {"check_hostname": False},
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SELECT count(*), {total} FROM {place}")  # noqa: S608
            row = cursor.fetchone()
    except pymysql.OperationalError as error:
        raise TransientError(f"the source of {table} does not answer: {error}") from error
    rows, amount = row if row else (0, None)
    return Hop("source", table, rows, _cents(Decimal(amount or 0)) if money else None)


def _mysql_name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _csv_hop(path: Path) -> Hop:
    with path.open(newline="") as file:
        return Hop("source", path.name, sum(1 for _ in csv.reader(file)) - 1)


def _cents(amount: Decimal | None) -> Decimal | None:
    """Return the amount with two places; exact, unless the hop itself has lost exactness."""
    return None if amount is None else amount.quantize(Decimal("0.01"))
