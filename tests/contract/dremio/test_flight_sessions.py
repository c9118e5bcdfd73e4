"""ADBC's session options and bulk ingestion, types over Flight SQL, and Flight with TLS."""

from __future__ import annotations

import datetime as dt
import decimal
import runpy
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import adbc_driver_manager
import pyarrow as pa
import pytest
from adbc_driver_flightsql import DatabaseOptions, dbapi
from google.protobuf.any_pb2 import Any as Wrapped
from pyarrow import flight

from services.common.settings import CHECKOUT
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.wire.flight.server import FlightServer
from services.dremio.wire.flight.tls import certificate
from tests.support.dremio import Dremio
from tests.support.people import Person
from tests.support.platform import Home
from tests.support.ports import free_ports


def _connect(home: Home, **conn_kwargs: str) -> Any:
    return dbapi.connect(
        home.settings.flight_uri,
        db_kwargs={
            "username": home.settings.admin_user,
            "password": home.settings.admin_password.get_secret_value(),
            DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true",
        },
        conn_kwargs=conn_kwargs,
        autocommit=True,
    )


@pytest.fixture(scope="module")
def connection(engine_home: Home, dremio: Dremio) -> Iterator[Any]:
    """A connection with a session of its own."""
    with _connect(engine_home) as opened:
        yield opened


def test_session_options(engine_home: Home, dremio: Dremio) -> None:
    dremio.query("CREATE TABLE gold.flightopt.t AS SELECT 7 AS a")
    option = "adbc.flight.sql.session.option."
    with (
        _connect(engine_home) as connection,
        connection.cursor() as cursor,
    ):
        low = connection.adbc_connection
        low.set_options(**{option + "schema": "gold.flightopt"})
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == [(7,)]
        assert low.get_option(option + "schema") == "gold.flightopt"
        assert low.get_option(option + "catalog") == "DREMIO"
        low.set_options(**{option + "statement_timeout": "2.5"})
        cursor.execute('ALTER SESSION SET "planner.some_option" = 3')
        cursor.fetchall()
        assert low.get_option(option + "planner.some_option") == "3"
        for name, value in (("statement_timeout", "soon"), ("catalog", "other"), ("none", "1")):
            with pytest.raises(adbc_driver_manager.Error):
                low.set_options(**{option + name: value})
        # Another connection is another session.
        with (
            _connect(engine_home) as other,
            other.cursor() as fresh,
            pytest.raises(adbc_driver_manager.Error, match="not found"),
        ):
            fresh.execute("SELECT a FROM t")


def test_types_as_odbc_and_jdbc_ask_for_them(engine_home: Home, dremio: Dremio) -> None:
    settings = engine_home.settings
    kind = "type.googleapis.com/arrow.flight.protocol.sql.CommandGetXdbcTypeInfo"
    with flight.FlightClient(settings.flight_uri) as client:
        options = flight.FlightCallOptions(
            headers=[(b"authorization", f"Bearer {dremio.token}".encode())]
        )

        def ask(body: bytes) -> pa.Table:
            command = Wrapped(type_url=kind, value=body).SerializeToString()
            info = client.get_flight_info(flight.FlightDescriptor.for_command(command), options)
            read = client.do_get(info.endpoints[0].ticket, options).read_all()
            assert read.schema.equals(info.schema)
            return read

        every = ask(b"")
        assert every.num_columns == 19
        numbers = dict(
            zip(every["type_name"].to_pylist(), every["data_type"].to_pylist(), strict=True)
        )
        assert numbers["VARCHAR"] == 12
        assert numbers["TIMESTAMP"] == 93
        assert list(numbers.values()) == sorted(numbers.values(), key=list(numbers.values()).index)
        assert ask(b"\x08\x0c")["type_name"].to_pylist() == ["VARCHAR"]
        # What is listed can be written and read back.
        for name in numbers:
            dremio.query(f"SELECT CAST(NULL AS {name}) AS x")


def _rows(start: int, count: int) -> pa.Table:
    numbers = range(start, start + count)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "small": pa.array([n % 100 for n in numbers], pa.int16()),
            "Name": pa.array([f"n{n}" if n % 3 else None for n in numbers], pa.string()),
            "kind": pa.array(["a" if n % 2 else "b" for n in numbers]).dictionary_encode(),
            "price": pa.array([decimal.Decimal(n) / 4 for n in numbers], pa.decimal128(18, 2)),
            "day": pa.array([dt.date(2024, 1, 1 + n % 28) for n in numbers]),
            "at": pa.array([dt.datetime(2024, 1, 1, 0, 0, n % 60, 5000) for n in numbers]),
            "ok": pa.array([n % 5 == 0 for n in numbers]),
        }
    )


def test_bulk_ingestion(connection: Any, dremio: Dremio) -> None:
    def load(mode: Any, rows: Any, table: str = "bulk") -> int:
        with connection.cursor() as cursor:
            return int(cursor.adbc_ingest(table, rows, mode=mode, db_schema_name="gold.ingested"))

    assert load("create", _rows(0, 10_000)) == 10_000
    count = 'SELECT COUNT(*), SUM(id), MAX(small), COUNT("Name") FROM gold.ingested.bulk'
    assert dremio.rows(count) == [(10_000, 49_995_000, 99, 6_666)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM gold.ingested.bulk WHERE id = 4711")
        [row] = cursor.fetch_arrow_table().to_pylist()
    assert row["kind"] == "a"
    assert row["price"] == decimal.Decimal("1177.75")
    assert (row["day"], row["ok"]) == (dt.date(2024, 1, 8), False)
    with pytest.raises(adbc_driver_manager.Error, match="already exists"):
        load("create", _rows(0, 1))
    # A stream of batches, appended in one commit.
    history = "SELECT COUNT(*) FROM TABLE(table_snapshot('gold.ingested.bulk'))"
    before = dremio.rows(history)[0][0]
    reader = pa.RecordBatchReader.from_batches(
        _rows(0, 1).schema, (b for n in range(5) for b in _rows(n * 10, 10).to_batches())
    )
    assert load("append", reader) == 50
    assert dremio.rows(history)[0][0] == before + 1
    assert load("create_append", _rows(0, 5), "fresh") == 5
    assert load("create_append", _rows(5, 5), "fresh") == 5
    assert dremio.rows("SELECT COUNT(*), MAX(id) FROM gold.ingested.fresh") == [(10, 9)]
    assert load("replace", _rows(7, 1), "fresh") == 1
    assert dremio.rows("SELECT id FROM gold.ingested.fresh") == [(7,)]
    with pytest.raises(adbc_driver_manager.Error, match="not found"):
        load("append", _rows(0, 1), "nothing")


def test_a_client_that_fails_while_ingesting_changes_nothing(
    connection: Any, dremio: Dremio
) -> None:
    dremio.query("CREATE TABLE gold.ingested.whole AS SELECT CAST(1 AS BIGINT) AS id")

    def broken(seconds: float) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"id": pa.array([2, 3], pa.int64())})
        time.sleep(seconds)  # for the server to have these rows, or not yet
        raise RuntimeError("the file ended early")

    for seconds in (0, 0.05, 0.3):
        rows = broken(seconds)
        reader = pa.RecordBatchReader.from_batches(pa.schema([("id", pa.int64())]), rows)
        with connection.cursor() as cursor, pytest.raises(Exception, match=r"ended early"):
            cursor.adbc_ingest("whole", reader, mode="append", db_schema_name="gold.ingested")
    assert dremio.rows("SELECT id FROM gold.ingested.whole") == [(1,)]


def test_ingestion_needs_the_rights_of_its_statement(
    engine_home: Home, dremio: Dremio, people: Callable[[str], Person]
) -> None:
    uma = people("uma")
    with (
        dbapi.connect(
            engine_home.settings.flight_uri,
            db_kwargs={"username": uma.name, "password": uma.password},
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        for mode in ("create", "append", "replace"):
            with pytest.raises(adbc_driver_manager.Error, match=r"does not have|Access denied"):
                cursor.adbc_ingest("bulk", _rows(0, 1), mode=mode, db_schema_name="gold.ingested")


class _Users:
    """Takes one password."""

    def login(self, name: str, password: str) -> str:
        raise AssertionError("nobody logs in")


@pytest.mark.ours("it starts a server of its own")
def test_tls_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    """The handshake succeeds for whoever trusts the certificate, and fails for others."""
    pair = certificate(tmp_path, ("localhost", "127.0.0.1"))
    assert certificate(tmp_path, ("localhost",)) == pair  # kept while it is good
    assert (tmp_path / "flight-key.pem").stat().st_mode & 0o777 == 0o600
    port = free_ports()["DREMIO_FLIGHT_PORT"]
    address = f"grpc+tls://127.0.0.1:{port}"
    server = FlightServer(_Engine(), _Users(), address, pair)  # type: ignore[arg-type]
    try:
        # Who trusts the certificate gets through to the server, which asks who it is.
        _asked(address, flight.FlightUnauthenticatedError, tls_root_certs=pair[0])
        _asked(address, flight.FlightUnavailableError)
        _asked(f"grpc://127.0.0.1:{port}", flight.FlightError)
    finally:
        server.shutdown()


class _Guests:
    """Turns everyone away, in the service's own words."""

    def login(self, name: str, password: str) -> str:
        raise DremioError(ErrorKind.UNAUTHENTICATED, f"{name}, not today")


def test_the_example_logs_in_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = certificate(tmp_path / ".lakelet" / "dremio" / "tls", ("localhost", "127.0.0.1"))
    port = free_ports()["DREMIO_FLIGHT_PORT"]
    lines = ("DREMIO_FLIGHT_TLS=on", f"DREMIO_FLIGHT_PORT={port}", "ADMIN_PASSWORD=secret")
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setenv("LAKELET_HOME", str(tmp_path))
    example = runpy.run_path(str(CHECKOUT / "docs" / "examples" / "flight_query.py"))
    address = f"grpc+tls://127.0.0.1:{port}"
    server = FlightServer(_Engine(), _Guests(), address, pair)  # type: ignore[arg-type]
    try:
        with pytest.raises(flight.FlightUnauthenticatedError, match="not today"):
            example["connect"]()
    finally:
        server.shutdown()


def _asked(address: str, refused: type[Exception], **options: Any) -> None:
    with flight.FlightClient(address, **options) as client, pytest.raises(refused):
        list(client.list_flights())


class _Audit:
    def record(self, event: object) -> None:
        """Nobody reads it."""


class _Core:
    audit = _Audit()


class _Engine:
    core = _Core()
