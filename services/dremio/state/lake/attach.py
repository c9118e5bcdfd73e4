"""Buckets as DuckDB databases: attached on first use, renewed before their token ends."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import duckdb

from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import DremioError, ErrorKind

# The storage's tokens live an hour and DuckDB asks for one only when it attaches.
_RENEW_SECONDS = 2400.0


@dataclass(frozen=True)
class Access:
    """How a bucket is reached: both protocols with the same pair of keys."""

    iceberg_uri: str  # '' when the server has no REST catalog
    s3_endpoint: str
    access_key: str  # '' for none
    secret_key: str
    secure: bool = False
    region: str = "us-east-1"
    path_style: bool = True
    plain_uri: str = ""  # where plain buckets are served from
    plain_key: str = ""


class Attachments:
    """Names of attached databases by (source, bucket). Safe to use from many threads."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._current: dict[tuple[str, str], tuple[str, float]] = {}
        self._former: dict[tuple[str, str], str] = {}
        self._endpoints: dict[str, dict[str, str]] = {}
        self._count = 0

    def files(self, source: str, bucket: str, access: Access) -> None:
        """Let DuckDB read a bucket's files. Raises DremioError (CONNECTION)."""
        if source.lower() not in self._endpoints.get(bucket, {}):
            with self._lock:
                self._secret(source, bucket, access)

    def name(self, source: str, bucket: str, access: Access, *, plain: bool = False) -> str:
        """Return the database's name, attaching it when needed. Raises DremioError (CONNECTION)."""
        place = (source.lower(), bucket)
        known = self._current.get(place)
        if known and known[1] > time.monotonic():
            return known[0]
        with self._lock:
            known = self._current.get(place)
            if known and known[1] > time.monotonic():
                return known[0]
            name = self._attach(source, bucket, access, plain=plain)
            # Statements may still run on the one before; the one before that is over by now.
            if place in self._former:
                self._detach(self._former.pop(place))
            if known:
                self._former[place] = known[0]
            self._current[place] = (name, time.monotonic() + _RENEW_SECONDS)
            return name

    def forget(self, source: str) -> None:
        """Attach the source's buckets anew on next use: its settings have changed or it is gone."""
        with self._lock:
            for place in [p for p in self._current if p[0] == source.lower()]:
                self._detach(self._current.pop(place)[0])
                if place in self._former:
                    self._detach(self._former.pop(place))
            for bucket, endpoints in self._endpoints.items():
                if endpoints.pop(source.lower(), None) is not None:
                    self._run(f"DROP SECRET IF EXISTS {quoted(_secret_name(source, bucket))}")

    def _secret(self, source: str, bucket: str, access: Access) -> None:
        """Keep the keys of a bucket; DuckDB finds them by the bucket's name alone."""
        others = self._endpoints.setdefault(bucket, {})
        for other, endpoint in others.items():
            if other != source.lower() and endpoint != access.s3_endpoint:
                raise DremioError(
                    ErrorKind.CONNECTION,
                    f"Source '{source}': its bucket '{bucket}' at {access.s3_endpoint} has the "
                    f"name of a bucket of source '{other}' at {endpoint}: they cannot both be open",
                )
        keys = f"KEY_ID {literal(access.access_key)}, SECRET {literal(access.secret_key)}, "
        self._run(
            f"CREATE OR REPLACE SECRET {quoted(_secret_name(source, bucket))} (TYPE s3, "
            f"{keys if access.access_key else ''}"
            f"ENDPOINT {literal(access.s3_endpoint)}, "
            f"URL_STYLE '{'path' if access.path_style else 'vhost'}', "
            f"USE_SSL {str(access.secure).lower()}, REGION {literal(access.region)}, "
            f"SCOPE {literal(f's3://{bucket}/')})"
        )
        others[source.lower()] = access.s3_endpoint

    def _run(self, sql: str) -> None:
        cursor = self._database.cursor()
        try:
            cursor.execute(sql)
        finally:
            cursor.close()

    def _attach(self, source: str, bucket: str, access: Access, *, plain: bool) -> str:
        self._count += 1
        name = f"{source}.{bucket}#{self._count}"
        cursor = self._database.cursor()
        login = (
            f"TOKEN {literal(access.plain_key)}"
            if plain
            else f"CLIENT_ID {literal(access.access_key)}, "
            f"CLIENT_SECRET {literal(access.secret_key)}, "
            f"OAUTH2_SERVER_URI {literal(access.iceberg_uri + '/v1/oauth/tokens')}"
        )
        endpoint = access.plain_uri if plain else access.iceberg_uri
        try:
            cursor.execute(
                f"CREATE OR REPLACE SECRET {quoted('iceberg ' + name)} (TYPE iceberg, {login})"
            )
            self._secret(source, bucket, access)
            cursor.execute(
                f"ATTACH {literal(bucket)} AS {quoted(name)} (TYPE iceberg, "
                f"ENDPOINT {literal(endpoint)}, SECRET {quoted('iceberg ' + name)})"
            )
        except duckdb.Error as error:
            raise DremioError(
                ErrorKind.CONNECTION,
                f"Source '{source}': bucket '{bucket}' cannot be opened: {error}",
            ) from error
        finally:
            cursor.close()
        return name

    def _detach(self, name: str) -> None:
        cursor = self._database.cursor()
        try:
            cursor.execute(f"DETACH DATABASE IF EXISTS {quoted(name)}")
            cursor.execute(f"DROP SECRET IF EXISTS {quoted('iceberg ' + name)}")
        finally:
            cursor.close()


def _secret_name(source: str, bucket: str) -> str:
    return f"s3 {source.lower()}.{bucket}"
