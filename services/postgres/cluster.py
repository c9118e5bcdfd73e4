"""The PostgreSQL cluster on disk: made once, with a role and a database per service."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from services.common.children import spawn, stop
from services.common.errors import PermanentError
from services.common.postgres_programs import postgres_programs
from services.common.settings import Settings
from services.common.waiting import wait_until
from services.postgres.superuser import command_prefix, hand_over

log = logging.getLogger(__name__)

# A role and a database of the same name each. `shop` is the sample operational database.
DATABASES = ("dremio", "airbyte", "superset", "shop")


def data_folder(settings: Settings) -> Path:
    """Return the cluster's folder."""
    return settings.data_dir / "postgres" / "cluster"


def server_command(settings: Settings, *, socket_folder: str = "") -> list[str]:
    """Return the command that serves the cluster: over TCP, or only in `socket_folder` if given."""
    if not socket_folder:
        _write_client_rules(settings)
    options = {
        "listen_addresses": "" if socket_folder else settings.bind_address,
        "port": str(settings.postgres_port),
        "unix_socket_directories": socket_folder,
        "wal_level": "logical",  # change data capture reads the log
        # A slot that no one reads must not fill the disk: it is lost then (docs/ingestion/cdc.md).
        "max_slot_wal_keep_size": _megabytes(settings.postgres_slot_wal_mb),
        "max_replication_slots": "20",
        "max_wal_senders": "20",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "log_line_prefix": "%m [%p] %q%u@%d ",
    }
    if not socket_folder:
        options["hba_file"] = str(_client_rules(settings))
    flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    folder = str(data_folder(settings))
    return [*command_prefix(), str(postgres_programs() / "postgres"), "-D", folder, *flags]


def _megabytes(number: int) -> str:
    return "-1" if number < 0 else f"{number}MB"


def _client_rules(settings: Settings) -> Path:
    return data_folder(settings).with_name("pg_hba.conf")


def _write_client_rules(settings: Settings) -> None:
    """Write who may connect: passwords always, and only from the networks we listen on.

    initdb's own rules know the loopback addresses alone; a server that listens on another
    address (in a container, for a whole office) would refuse everyone who comes from there.
    """
    rules = (
        f"host {database} all {network} scram-sha-256\n"
        for database in ("all", "replication")
        for network in ("127.0.0.1/32", "::1/128", "samenet")
    )
    path = _client_rules(settings)
    path.write_text("".join(rules))
    path.chmod(0o644)  # the server may run as another account


def ensure_cluster(settings: Settings) -> None:
    """Make the cluster if there is none; bring roles and databases to what the settings say.

    Either step killed half-way is done anew at the next start. Raises PermanentError when
    initdb fails, TransientError when the server does not come up.
    """
    _init(settings)
    passwords = {role: settings.postgres_dsn(role) for role in ("postgres", *DATABASES)}
    fingerprint = hashlib.sha256(repr(sorted(passwords.items())).encode()).hexdigest()
    stamp = data_folder(settings).parent / "roles.sha256"
    if not stamp.exists() or stamp.read_text() != fingerprint:
        _ensure_roles(settings)
        stamp.write_text(fingerprint)


def _init(settings: Settings) -> None:
    folder = data_folder(settings)
    if folder.exists():
        return
    log.info("making the PostgreSQL cluster in %s", folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name("cluster.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    hand_over(unfinished)
    # No one can reach the cluster until roles have passwords: the first start opens no TCP port.
    result = subprocess.run(
        [
            *command_prefix(),
            str(postgres_programs() / "initdb"),
            f"--pgdata={unfinished}",
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if result.returncode != 0:
        raise PermanentError(f"initdb failed: {result.stderr.strip()[-2000:]}")
    unfinished.rename(folder)


def _ensure_roles(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="lakelet-pg-") as socket_folder:
        hand_over(Path(socket_folder))
        server = spawn(server_command(settings, socket_folder=socket_folder))
        address = f"host={socket_folder} port={settings.postgres_port} user=postgres"
        try:
            wait_until(lambda: _accepts(address), seconds=60, what="PostgreSQL")
            with psycopg.connect(address, autocommit=True) as connection:
                _set_password(connection, "postgres", settings)
                for role in DATABASES:
                    _ensure_database(connection, role, settings)
        finally:
            stop(server)


def _accepts(address: str) -> bool:
    with psycopg.connect(address):
        return True


def _ensure_database(
    connection: psycopg.Connection[tuple[object, ...]], role: str, settings: Settings
) -> None:
    name = sql.Identifier(role)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        # The operational database's owner may replicate: change data capture needs it.
        kind = sql.SQL("LOGIN REPLICATION" if role == "shop" else "LOGIN")
        connection.execute(sql.SQL("CREATE ROLE {} {}").format(name, kind))
    _set_password(connection, role, settings)
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [role]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))


def _set_password(
    connection: psycopg.Connection[tuple[object, ...]], role: str, settings: Settings
) -> None:
    password = psycopg.conninfo.conninfo_to_dict(settings.postgres_dsn(role))["password"]
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    )
