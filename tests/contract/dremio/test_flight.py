"""pyarrow's Flight client: log-in, planning, rows, types, errors, cancelling."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from pyarrow import flight

from services.common.waiting import wait_until
from tests.support.dremio import Dremio
from tests.support.platform import Home


@dataclass
class Client:
    flight: flight.FlightClient
    options: flight.FlightCallOptions
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def info(self, sql: str) -> flight.FlightInfo:
        return self.flight.get_flight_info(
            flight.FlightDescriptor.for_command(sql.encode()), self.options
        )

    def reader(self, sql: str) -> flight.FlightStreamReader:
        return self.flight.do_get(self.info(sql).endpoints[0].ticket, self.options)

    def table(self, sql: str) -> pa.Table:
        return self.reader(sql).read_all()

    def value(self, sql: str) -> object:
        return self.table(sql).column(0)[0].as_py()


def _password(home: Home) -> str:
    return home.settings.admin_password.get_secret_value()


@pytest.fixture(scope="module")
def client(engine_home: Home) -> Iterator[Client]:
    connection = flight.FlightClient(engine_home.settings.flight_uri)
    header = connection.authenticate_basic_token(
        engine_home.settings.admin_user, _password(engine_home)
    )
    options = flight.FlightCallOptions(headers=[header], timeout=60)
    yield Client(connection, options, [header])
    connection.close()


def test_the_token_is_taken_in_any_case(engine_home: Home, client: Client) -> None:
    name, value = client.flight.authenticate_basic_token(
        engine_home.settings.admin_user, _password(engine_home)
    )
    assert (name, value.split()[0]) == (b"authorization", b"Bearer")
    lower = flight.FlightCallOptions(headers=[(name, b"bearer " + value.split()[1])])
    assert Client(client.flight, lower).value("SELECT 41 + 1") == 42


@pytest.mark.parametrize("header", [None, b"Bearer made-up", b"Basic bm8=", b"Digest x"])
def test_without_valid_credentials_nothing_runs(client: Client, header: bytes | None) -> None:
    headers = [] if header is None else [(b"authorization", header)]
    stranger = Client(client.flight, flight.FlightCallOptions(headers=headers))
    with pytest.raises(flight.FlightUnauthenticatedError):
        stranger.info("SELECT 1")
    with pytest.raises(flight.FlightUnauthenticatedError):
        list(client.flight.do_action("CloseSession", stranger.options))


def test_a_wrong_password_is_refused(engine_home: Home) -> None:
    connection = flight.FlightClient(engine_home.settings.flight_uri)
    with pytest.raises(flight.FlightUnauthenticatedError, match="Invalid username or password"):
        connection.authenticate_basic_token(engine_home.settings.admin_user, "wrong")


def test_types_are_those_that_drivers_read(client: Client) -> None:
    info = client.info(
        "SELECT TRUE AS b, 1 AS i, CAST(1 AS BIGINT) AS l, CAST(1 AS FLOAT) AS f, 1.5 AS m, "
        "CAST(1 AS DOUBLE) AS d, 'x' AS s, DATE '2024-01-02' AS day, "
        "TIMESTAMP '2024-01-02 03:04:05.678' AS ts, CAST('03:04:05' AS TIME) AS t, "
        "BINARY_STRING('x') AS bin, SUM(1) AS total, ARRAY[1] AS a, "
        "DATE_DIFF(DATE '2022-04-01', DATE '2022-01-01') AS gap"
    )
    assert info.schema == pa.schema(
        [
            ("b", pa.bool_()),
            ("i", pa.int32()),
            ("l", pa.int64()),
            ("f", pa.float32()),
            ("m", pa.decimal128(2, 1)),
            ("d", pa.float64()),
            ("s", pa.string()),
            ("day", pa.date32()),
            ("ts", pa.timestamp("ms")),
            ("t", pa.time32("ms")),
            ("bin", pa.binary()),
            ("total", pa.int64()),
            ("a", pa.list_(pa.int32())),
            ("gap", pa.string()),
        ]
    )
    rows = client.flight.do_get(info.endpoints[0].ticket, client.options).read_all()
    assert rows.schema == info.schema
    assert rows.column("gap").to_pylist() == ["+090 00:00:00.000"]


def test_an_empty_result_is_one_batch_without_rows(client: Client) -> None:
    chunks = [chunk.data for chunk in client.reader("SELECT a FROM (VALUES (1)) t(a) WHERE a = 2")]
    assert [batch.num_rows for batch in chunks] == [0]
    assert chunks[0].schema.names == ["a"]


def test_ddl_is_planned_first_and_runs_when_its_ticket_is_redeemed(
    client: Client,
) -> None:
    name = f"planned_{time.time_ns()}"
    info = client.info(f'CREATE VIEW "@admin".{name} AS SELECT 1 AS one')
    with pytest.raises(pa.ArrowInvalid, match="not found"):
        client.info(f'SELECT * FROM "@admin".{name}')
    rows = client.flight.do_get(info.endpoints[0].ticket, client.options).read_all()
    assert rows.schema == info.schema
    assert rows.column("ok").to_pylist() == [True]
    assert client.value(f'SELECT one FROM "@admin".{name}') == 1
    client.table(f'DROP VIEW "@admin".{name}')


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "Failure parsing the query"),
        ("SELECT nothing FROM (VALUES (1)) t(a)", "not found"),
        ("SELECT * FROM no.such.table", "Object 'no.such.table' not found"),
        ("SELECT no_such_function(1)", "No match found for function signature"),
        ("SELECT getenv('HOME')", "No match found for function signature"),
        ("SELECT 1 / 0", "divide by zero"),
    ],
)
def test_bad_sql_is_an_invalid_argument(client: Client, sql: str, words: str) -> None:
    with pytest.raises(pa.ArrowInvalid, match=words) as refused:
        client.table(sql)
    assert "Traceback" not in str(refused.value)
    assert ".py" not in str(refused.value)


def test_garbage_is_refused(client: Client) -> None:
    with pytest.raises(pa.ArrowInvalid):
        client.flight.get_flight_info(
            flight.FlightDescriptor.for_command(b"\xff\xfe\x00"), client.options
        )
    with pytest.raises(pa.ArrowInvalid):
        client.flight.do_get(flight.Ticket(b"made up"), client.options).read_all()
    with pytest.raises(pa.ArrowInvalid):
        client.flight.get_flight_info(flight.FlightDescriptor.for_path("a", "b"), client.options)


def test_use_is_kept_for_the_session(engine_home: Home, client: Client) -> None:
    header = client.flight.authenticate_basic_token(
        engine_home.settings.admin_user, _password(engine_home)
    )
    first = Client(client.flight, flight.FlightCallOptions(headers=[header]))
    name = f"kept_{time.time_ns()}"
    client.table(f'CREATE VIEW "@admin".{name} AS SELECT 7 AS seven')
    first.table('USE "@admin"')
    assert first.value(f"SELECT seven FROM {name}") == 7
    closed = list(client.flight.do_action("CloseSession", first.options))
    assert closed[0].body.to_pybytes() == b"\x08\x01"  # CloseSessionResult: CLOSED
    with pytest.raises(pa.ArrowInvalid, match="not found"):
        first.value(f"SELECT seven FROM {name}")
    client.table(f'DROP VIEW "@admin".{name}')


# Ten digits, crossed with themselves: rows without a table.
_DIGITS = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))"


def _numbers(power: int) -> str:
    tables = ", ".join(f"{_DIGITS} t{i}(n)" for i in range(power))
    value = " + ".join(f"t{i}.n * {10**i}" for i in range(power))
    return f"(SELECT {value} AS n FROM {tables})"


def test_a_million_rows_arrive_whole_and_in_batches(client: Client) -> None:
    batches, total = 0, 0
    for chunk in client.reader(f"SELECT n, n * 2 AS m FROM {_numbers(6)}"):
        batches += 1
        total += sum(chunk.data.column(0).to_pylist())
    assert batches > 10
    assert total == 999_999 * 1_000_000 // 2


def test_a_client_that_goes_away_stops_its_query(client: Client, engine_home: Home) -> None:
    marker = f"gone_{time.time_ns()}"
    sql = f"SELECT COUNT(*) AS {marker} FROM {_numbers(6)} a, {_numbers(6)} b WHERE a.n + b.n < 0"
    short = flight.FlightCallOptions(headers=client.headers, timeout=1.5)
    info = client.info(sql)
    with pytest.raises(flight.FlightTimedOutError):
        client.flight.do_get(info.endpoints[0].ticket, short).read_all()
    # The engine is free again: the cancelled job is recorded as such.
    sql = (
        f"SELECT status FROM sys.jobs_recent WHERE query LIKE '%{marker}%' "
        "AND query NOT LIKE '%sys.jobs%'"
    )
    wait_until(lambda: client.value(sql) == "CANCELED", seconds=60, what="cancelling")


def test_a_client_that_stops_reading_stops_its_query(client: Client) -> None:
    marker = f"left_{time.time_ns()}"
    reader = client.reader(f"SELECT a.n AS {marker} FROM {_numbers(6)} a, {_numbers(2)} b")
    assert reader.read_chunk().data.num_rows > 1000
    reader.cancel()
    del reader
    sql = (
        f"SELECT status FROM sys.jobs_recent WHERE query LIKE '%{marker}%' "
        "AND query NOT LIKE '%sys.jobs%'"
    )
    wait_until(lambda: client.value(sql) == "CANCELED", seconds=60, what="cancelling")


def test_a_ticket_holds_what_is_true_when_it_is_redeemed(client: Client) -> None:
    name = f"ticket_{time.time_ns()}"
    client.table(f'CREATE VIEW "@admin".{name} AS SELECT 1 AS n')
    info = client.info(f'SELECT n FROM "@admin".{name}')
    ticket = info.endpoints[0].ticket

    def redeemed() -> list[object]:
        rows: list[object] = client.flight.do_get(ticket, client.options).read_all()["n"]
        return rows.to_pylist()  # type: ignore[attr-defined,no-any-return]

    client.table(f'CREATE OR REPLACE VIEW "@admin".{name} AS SELECT 2 AS n')
    assert redeemed() == [2]
    assert redeemed() == [2]
    client.table(f'DROP VIEW "@admin".{name}')
    with pytest.raises(pa.ArrowInvalid, match="not found"):
        redeemed()


def test_a_table_is_read_as_it_is_when_the_ticket_is_redeemed(
    client: Client, dremio: Dremio
) -> None:
    name = f"gold.ticket_{time.time_ns()}"
    client.table(f"CREATE TABLE {name} AS SELECT 1 AS n")
    ticket = client.info(f"SELECT * FROM {name}").endpoints[0].ticket
    client.table(f"INSERT INTO {name} VALUES (2)")
    found = client.flight.do_get(ticket, client.options).read_all()
    assert sorted(found["n"].to_pylist()) == [1, 2]
    ticket = client.info(f"SELECT n FROM {name}").endpoints[0].ticket
    client.table(f"DROP TABLE {name}")
    with pytest.raises(pa.ArrowInvalid, match="not found"):
        client.flight.do_get(ticket, client.options).read_all()
    client.table(f"CREATE TABLE {name} AS SELECT 'new' AS n")
    found = client.flight.do_get(ticket, client.options).read_all()
    assert found["n"].to_pylist() == ["new"]
    client.table(f"DROP TABLE {name}")


def test_clients_side_by_side(client: Client) -> None:
    results: list[object] = []

    def ask(number: int) -> None:
        for _turn in range(10):
            results.append(client.value(f"SELECT {number} * 2") == number * 2)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [True] * 160


def test_cancel_flight_info_stops_the_query(client: Client) -> None:
    marker = f"cancelled_{time.time_ns()}"
    info = client.info(
        f"SELECT COUNT(*) AS {marker} FROM {_numbers(6)} a, {_numbers(6)} b WHERE a.n + b.n < 0"
    )
    failures: list[Exception] = []

    def wait() -> None:
        try:
            client.flight.do_get(info.endpoints[0].ticket, client.options).read_all()
        except Exception as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    data = info.serialize()
    length = len(data)
    prefix = b"\x0a"  # CancelFlightInfoRequest.info
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    body = prefix + bytes([length]) + data

    def cancelled() -> bool:
        action = flight.Action("CancelFlightInfo", body)
        answer = next(iter(client.flight.do_action(action, client.options))).body.to_pybytes()
        return bool(answer == b"\x08\x01")  # CANCELLED

    wait_until(cancelled, seconds=60, what="the query, to be cancelled")
    thread.join(60)
    assert [type(error) for error in failures] == [flight.FlightCancelledError]
