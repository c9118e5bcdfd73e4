"""What the server says about its log."""

from __future__ import annotations

import pymysql

from services.airbyte.cdk.failures import config_error
from services.airbyte.sources.mysql.cdc.config import Place
from services.airbyte.sources.mysql.connecting import Session, query

# Variable → (what it has to be, how to set it).
_NEEDED = {
    "log_bin": ("ON", "set log_bin in the server's configuration and restart it"),
    "binlog_format": ("ROW", "SET GLOBAL binlog_format = ROW"),
    "binlog_row_image": ("FULL", "SET GLOBAL binlog_row_image = FULL"),
    "log_bin_compress": ("OFF", "SET GLOBAL log_bin_compress = OFF"),
    "binlog_transaction_compression": ("OFF", "SET GLOBAL binlog_transaction_compression = OFF"),
}
_OF_OTHER_SERVERS = ("log_bin_compress", "binlog_transaction_compression")


def variables(db: Session) -> dict[str, str]:
    """Return the server's variables about the log and itself."""
    rows = query(
        db,
        "SHOW GLOBAL VARIABLES WHERE Variable_name LIKE '%%bin%%log%%'"
        " OR Variable_name LIKE 'log_bin%%' OR Variable_name IN"
        " ('server_id', 'server_uid', 'server_uuid', 'hostname', 'version')",
    )
    return {row["variable_name"].lower(): str(row["value"]) for row in rows}


def check_server(found: dict[str, str]) -> None:
    """Raise ConnectorError when changes cannot be read from the server's log."""
    for name, (wanted, remedy) in _NEEDED.items():
        if name not in found and name in _OF_OTHER_SERVERS:
            continue
        value = found.get(name, "OFF")
        if value.upper() != wanted:
            raise config_error(
                f"CDC needs {name} = {wanted} and the server has {value}: {remedy}; or set"
                ' replication_method to {"method": "STANDARD"}'
            )


def identity(found: dict[str, str]) -> str:
    """Return what tells the server from others."""
    unique = found.get("server_uuid") or found.get("server_uid")
    return unique or f"{found.get('hostname')}/{found.get('server_id')}"


def end_of_log(db: Session) -> Place:
    """Return where the log ends. MySQL 8.4 has another word for the statement."""
    try:
        rows = query(db, "SHOW MASTER STATUS")
    except pymysql.ProgrammingError:
        rows = query(db, "SHOW BINARY LOG STATUS")
    if not rows:
        raise config_error("the server writes no binary log: set log_bin and restart it")
    return Place.of(rows[0]["file"], int(rows[0]["position"]))


def files(db: Session) -> dict[str, int]:
    """Return the log's files with their sizes in bytes."""
    return {row["log_name"]: int(row["file_size"]) for row in query(db, "SHOW BINARY LOGS")}


def unix_time(db: Session) -> int:
    """Return the server's time, as its log's events have it."""
    return int(query(db, "SELECT UNIX_TIMESTAMP() AS now")[0]["now"])


def gtid_at(db: Session, place: Place) -> str | None:
    """Return MariaDB's GTIDs at a position; None where the server has no such function."""
    try:
        rows = query(db, "SELECT BINLOG_GTID_POS(%s, %s) AS gtid", place.file, place.at)
    except pymysql.Error:
        return None
    gtid: str | None = rows[0]["gtid"]
    return gtid


def gtids_of(text: str | None) -> dict[int, str]:
    """Return GTIDs by domain."""
    return {int(part.split("-")[0]): part for part in (text or "").split(",") if part}
