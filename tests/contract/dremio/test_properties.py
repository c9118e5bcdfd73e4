"""Literals, names and patterns of any text come back as they went; none of it is ever SQL.

`LAKELET_EXAMPLES` (default 25) says how many of each are tried.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import flight

from tests.support.dremio import Dremio
from tests.support.platform import Home

tried = settings(
    max_examples=int(os.environ.get("LAKELET_EXAMPLES", "25")),
    deadline=None,
    derandomize="LAKELET_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
# Any text that a statement can hold: no lone surrogates (not UTF-8), no NUL.
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
TRAPS = ("'", '"', "\\", "--", "/* */", ";", "$$", "%", "_", "{d '1'}", "?", ":a", "\n", "é", "''")
NAMES = TEXT.filter(lambda name: name.strip() == name and name != "")


class _Flight:
    """One connection for all statements."""

    def __init__(self, home: Home) -> None:
        self._client = flight.FlightClient(home.settings.flight_uri)
        token = self._client.authenticate_basic_token(
            home.settings.admin_user, home.settings.admin_password.get_secret_value()
        )
        self._options = flight.FlightCallOptions(headers=[token])

    def read(self, sql: str) -> pa.Table:
        command = flight.FlightDescriptor.for_command(sql)
        info = self._client.get_flight_info(command, self._options)
        return self._client.do_get(info.endpoints[0].ticket, self._options).read_all()

    def value(self, sql: str) -> Any:
        ((found,),) = [tuple(row.values()) for row in self.read(sql).to_pylist()]
        return found

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def ask(engine_home: Home) -> Iterator[_Flight]:
    connection = _Flight(engine_home)
    yield connection
    connection.close()


def literal(text: str) -> str:
    """Write text as SQL's standard says: quotes doubled, nothing else is special."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@tried
@given(TEXT)
@example("".join(TRAPS))
def test_text(ask: _Flight, text: str) -> None:
    assert ask.value(f"SELECT {literal(text)}") == text
    assert ask.value(f"SELECT CHAR_LENGTH({literal(text)})") == len(text)


@tried
@given(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
@example(list(TRAPS[:6]))
def test_names_of_columns(ask: _Flight, names: list[str]) -> None:
    inner = ", ".join(f"{number} AS {name(each)}" for number, each in enumerate(names))
    outer = ", ".join(f"t.{name(each)}" for each in names)
    table = ask.read(f"SELECT {outer} FROM (SELECT {inner}) AS t")
    assert table.column_names == names
    assert [column[0].as_py() for column in table.columns] == list(range(len(names)))


@tried
@given(TEXT, TEXT)
@example("100%_done\\", "100xxdone\\")
def test_an_escaped_pattern_is_only_itself(ask: _Flight, text: str, other: str) -> None:
    pattern = "".join("!" + c if c in "!%_" else c for c in text)
    like = f"LIKE {literal(pattern)} ESCAPE '!'"
    assert ask.value(f"SELECT {literal(text)} {like}") is True
    assert ask.value(f"SELECT {literal(other)} {like}") is (text == other)


@tried
@given(
    st.one_of(
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.decimals(-(10**20), 10**20, places=4),
        st.dates(dt.date(1, 1, 1)),
        st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(
            lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        ),
        st.times().map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)),
        st.booleans(),
    )
)
def test_values_of_every_type(ask: _Flight, value: Any) -> None:
    match value:
        case bool() | int() | Decimal():
            sql = f"{value}"
        case dt.datetime():
            sql = f"TIMESTAMP '{value.isoformat(sep=' ', timespec='milliseconds')}'"
        case dt.date():
            sql = f"DATE '{value.isoformat()}'"
        case _:
            sql = f"TIME '{value.isoformat(timespec='milliseconds')}'"
    assert ask.value(f"SELECT {sql}") == value
    assert ask.value(f"SELECT {sql} = {sql}") is True


@settings(tried, max_examples=max(5, tried.max_examples // 5))
@given(NAMES.filter(lambda text: "/" not in text and "." not in text and len(text) > 1), TEXT)
@example('a"; DROP SPACE "props', "'; DROP SPACE props; --")
def test_a_view_of_any_name_keeps_its_text(
    dremio: Dremio, ask: _Flight, called: str, text: str
) -> None:
    dremio.query("CREATE SPACE IF NOT EXISTS props")
    path = f"props.{name(called)}"
    dremio.query(f"CREATE OR REPLACE VIEW {path} AS SELECT {literal(text)} AS v")
    try:
        assert ask.value(f"SELECT v FROM {path}") == text
        listed = "SELECT view_definition FROM INFORMATION_SCHEMA.VIEWS WHERE table_schema = 'props'"
        assert ask.value(f"{listed} AND table_name = {literal(called)}") == (
            f"SELECT {literal(text)} AS v"
        )
    finally:
        dremio.query(f"DROP VIEW {path}")
