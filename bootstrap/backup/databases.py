"""PostgreSQL's databases: dumped and counted in one snapshot, restored and counted again."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import Blob, Database, TableDigest
from services.common.errors import PermanentError
from services.common.postgres_programs import postgres_programs
from services.common.settings import Settings

Connection = psycopg.Connection[tuple[Any, ...]]

_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname"
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2"""


def dump_roles(settings: Settings, blobs: Blobs) -> Blob:
    """Store every role with its rights (pg_dumpall)."""
    return _stored(settings, blobs, "pg_dumpall", "--roles-only")


def dump_databases(settings: Settings, blobs: Blobs) -> list[Database]:
    """Store a dump of every database; each is counted in the very snapshot that is dumped."""
    with _connect(settings, "postgres") as connection:
        names = [str(name) for (name,) in connection.execute(_DATABASES).fetchall()]
    return [_dump(settings, name, blobs) for name in names]


def _dump(settings: Settings, name: str, blobs: Blobs) -> Database:
    with _connect(settings, name) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = f"--snapshot={row[0] if row else ''}"
        dump = _stored(settings, blobs, "pg_dump", "--format=custom", snapshot, f"--dbname={name}")
        return Database(name=name, dump=dump, tables=_digests(connection))


def restore_databases(
    settings: Settings, roles: Blob, databases: list[Database], blobs: Blobs
) -> None:
    """Make roles and databases as they were dumped, in place of those of the same name.

    Raises PermanentError with PostgreSQL's words.
    """
    with blobs.fetched(roles) as script:
        # A role that is there already is no error: what follows sets its rights and password.
        command = ["psql", "--quiet", "--no-psqlrc", "--dbname=postgres", f"--file={script}"]
        subprocess.run(
            [_program(command[0]), *command[1:]],
            env=_environment(settings),
            capture_output=True,
            check=False,
        )
    for database in databases:
        # PostgreSQL does not drop the database that one is connected to.
        own = database.name == "postgres"
        how = [] if own else ["--create"]
        with blobs.fetched(database.dump) as dump:
            _run(
                settings,
                *("pg_restore", "--clean", "--if-exists", "--exit-on-error", *how),
                *("--dbname=" + ("postgres" if own else "template1"), str(dump)),
            )


def compare_databases(settings: Settings, databases: list[Database]) -> list[str]:
    """Return what differs from the backup, one line a table; nothing when all is the same."""
    differing = []
    for database in databases:
        with _connect(settings, database.name) as connection:
            found = _digests(connection)
        differing += [
            f"PostgreSQL {database.name}: {table}: {found.get(table)} instead of {wanted}"
            for table, wanted in database.tables.items()
            if found.get(table) != wanted
        ]
    return differing


def _digests(connection: Connection) -> dict[str, TableDigest]:
    """Count every table and digest its rows, whatever their order."""
    connection.execute("SET LOCAL TimeZone = 'UTC'")
    connection.execute("SET LOCAL extra_float_digits = 3")
    found = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        query = sql.SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t"
        )
        row = connection.execute(query.format(sql.Identifier(schema, table))).fetchone()
        found[f"{schema}.{table}"] = TableDigest(rows=row[0], digest=str(row[1]))  # type: ignore[index]
    return found


def _connect(settings: Settings, database: str) -> Connection:
    return psycopg.connect(settings.postgres_dsn("postgres"), dbname=database, connect_timeout=10)


def _stored(settings: Settings, blobs: Blobs, program: str, *arguments: str) -> Blob:
    with tempfile.TemporaryFile(dir=blobs.folder) as output:
        result = subprocess.run(
            [_program(program), *arguments],
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
        if result.returncode != 0:
            words = result.stderr.decode(errors="replace").strip()[-2000:]
            raise PermanentError(f"{program} {' '.join(arguments)} failed: {words}")
        output.seek(0)
        return blobs.add(output)


def _run(settings: Settings, program: str, *arguments: str) -> None:
    result = subprocess.run(
        [_program(program), *arguments],
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise PermanentError(f"{program} failed: {result.stderr.strip()[-2000:]}")


def _program(name: str) -> str:
    return str(postgres_programs() / name)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the address for libpq's programs; the password is on no command line."""
    address = conninfo_to_dict(settings.postgres_dsn("postgres"))
    return {
        **os.environ,
        "PGHOST": str(address["host"]),
        "PGPORT": str(address["port"]),
        "PGUSER": "postgres",
        "PGPASSWORD": str(address["password"]),
    }
