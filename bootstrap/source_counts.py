"""Counting rows and money where they come from: in the source itself, not through Airbyte."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pymysql
from psycopg import sql

from bootstrap.platform_file import Platform, Reconciliation
from services.common.errors import ConfigError, NotFoundError, TransientError
from services.common.mssql import client as sql_server
from services.common.settings import Settings

Json = dict[str, Any]
# What a source holds: rows, and the sum of the money (None where none is asked for or there is no
# row).
Counted = tuple[int, Any]
_SECONDS = 10


def count_source(
    platform: Platform, check: Reconciliation, settings: Settings
) -> tuple[str, int, Decimal | None]:
    """Return the place that was counted, its rows, and the sum of the column `check.money`.

    Raises ConfigError where a source cannot be counted, NotFoundError where it has no such file,
    table or column, TransientError where it does not answer.
    """
    source = platform.sources[check.source.of]
    config, table = source.configuration, check.source.table
    if source.type == "file" and str(config.get("format")) == "csv":
        path = settings.inbox_dir / str(config["url"]).removeprefix("/local/")
        try:
            with path.open(newline="") as file:
                return path.name, sum(1 for _ in csv.reader(file)) - 1, None
        except OSError as error:
            raise NotFoundError(
                f"reconcile: source {check.source.of!r} cannot be counted: {error}"
            ) from error
    count = _DATABASES.get(source.type)
    if count is None or not table:
        raise ConfigError(
            f"reconcile: source {check.source.of!r} of type {source.type!r} cannot be counted: name"
            f" a table of a source of type {', '.join(_DATABASES)}, or a csv file source"
        )
    if (config.get("tunnel_method") or {}).get("tunnel_method", "NO_TUNNEL") != "NO_TUNNEL":
        raise ConfigError(
            f"reconcile: source {check.source.of!r} lies behind an SSH tunnel, and what does is not"
            " counted; take it out of reconcile in lakelet.yml"
        )
    try:
        rows, amount = count(config, table, check.money)
    except (psycopg.Error, pymysql.Error) as error:
        raise NotFoundError(
            f"reconcile: {table} of source {check.source.of!r} cannot be counted: {error}"
        ) from error
    if check.money is None:
        return table, rows, None
    return table, rows, Decimal(str(amount or 0))


def _postgres(config: Json, table: str, money: str | None) -> Counted:
    total = sql.SQL("sum({})").format(sql.Identifier(money)) if money else sql.SQL("NULL")
    query = sql.SQL("SELECT count(*), {} FROM {}").format(total, sql.Identifier(*table.split(".")))
    try:
        with psycopg.connect(
            host=config["host"],
            port=config["port"],
            dbname=config["database"],
            user=config["username"],
            password=config.get("password"),
            connect_timeout=_SECONDS,
        ) as connection:
            return connection.execute(query).fetchone() or (0, None)
    except psycopg.OperationalError as error:
        raise _away(table, error) from error


def _mysql(config: Json, table: str, money: str | None) -> Counted:
    mode = (config.get("ssl_mode") or {}).get("mode", "preferred")
    query = _query(table, money, lambda name: "`" + name.replace("`", "``") + "`")
    try:
        with (
            pymysql.connect(
                host=config["host"],
                port=int(config["port"]),
                database=config["database"],
                user=config["username"],
                password=config.get("password") or "",
                connect_timeout=_SECONDS,
                ssl=None if mode == "preferred" else {"check_hostname": False},
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetchone() or (0, None)
    except pymysql.OperationalError as error:
        raise _away(table, error) from error


def _sqlserver(config: Json, table: str, money: str | None) -> Counted:
    mode = config.get("ssl_mode") or config.get("ssl_method") or {}
    name = mode.get("mode") or mode.get("ssl_method") or "unencrypted"
    # Braces around a value keep what is special in it.
    keywords = {
        "Server": f"{config['host']},{config.get('port') or 1433}",
        "Database": config["database"],
        "UID": config.get("username") or "",
        "PWD": config.get("password") or "",
        "Encrypt": "no" if name == "unencrypted" else "yes",
        "TrustServerCertificate": "no" if name == "encrypted_verify_certificate" else "yes",
    }
    text = "".join(f"{k}={{{str(v).replace('}', '}}')}}};" for k, v in keywords.items())
    query = _query(table, money, lambda name: "[" + name.replace("]", "]]") + "]")
    driver = sql_server()
    try:
        with driver.connect(text, timeout=_SECONDS) as connection:
            rows, amount = connection.execute(query).fetchone()
            return int(rows), amount
    except driver.Error as error:
        raise _away(table, error) from error


def _mongodb(config: Json, table: str, money: str | None) -> Counted:
    """`table` is `database.collection`, or a collection of the source's only database."""
    import pymongo  # half a second, which no other command needs
    from bson import Decimal128
    from pymongo.errors import OperationFailure, PyMongoError

    cluster = config.get("database_config") or {}
    databases = cluster.get("databases") or [cluster.get("database")]
    database, _, collection = table.partition(".")
    if database not in databases:
        if len(databases) != 1:
            raise ConfigError(
                f"reconcile: {table!r} names none of the source's databases"
                f" ({', '.join(map(str, databases))}): write database.collection"
            )
        database, collection = databases[0], table
    uri = str(cluster.get("connection_string") or "")
    options: Json = {"serverSelectionTimeoutMS": _SECONDS * 1000}
    if "tls=" not in uri.lower() and "ssl=" not in uri.lower():
        options["tls"] = True  # as Airbyte's connector has it
    if cluster.get("username"):
        options |= {
            "username": cluster["username"],
            "password": cluster.get("password") or "",
            "authSource": cluster.get("auth_source") or "admin",
        }
    group: Json = {"_id": None, "rows": {"$sum": 1}}
    if money:
        group["money"] = {"$sum": f"${money}"}
    try:
        with pymongo.MongoClient[Json](uri, **options) as client:
            found = list(client[database][collection].aggregate([{"$group": group}]))
    except OperationFailure as error:
        raise ConfigError(f"reconcile: {table} cannot be counted: {error}") from error
    except PyMongoError as error:
        raise _away(table, error) from error
    if not found:
        return 0, None
    amount = found[0].get("money")
    return found[0]["rows"], amount.to_decimal() if isinstance(amount, Decimal128) else amount


_DATABASES: dict[str, Callable[[Json, str, str | None], Counted]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "mssql": _sqlserver,
    "mongodb-v2": _mongodb,
}


def _query(table: str, money: str | None, quoted: Callable[[str], str]) -> str:
    total = f"sum({quoted(money)})" if money else "NULL"
    place = ".".join(quoted(part) for part in table.split("."))
    return f"SELECT count(*), {total} FROM {place}"  # noqa: S608 - quoted


def _away(table: str, error: Exception) -> TransientError:
    return TransientError(f"the source of {table} cannot be counted: {error}")
