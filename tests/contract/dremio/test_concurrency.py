"""Many clients at once: every read is of one snapshot, every change whole or refused by name.

By default each client does a few turns; LAKELET_CONCURRENCY_SECONDS=60 has them go on for a minute.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyarrow import flight

from tests.support.dremio import Dremio
from tests.support.platform import Home

_SECONDS = float(os.environ.get("LAKELET_CONCURRENCY_SECONDS", "0"))
_TURNS = 3
_CLIENTS = 32
_TABLE = "gold.crowd.accounts"
_ACCOUNTS, _TOTAL = 40, 40 * 100


@dataclass
class Told:
    """What the clients saw."""

    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    did: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)


def _reading(
    client: flight.FlightClient, options: flight.FlightCallOptions, sql: str
) -> list[dict[str, Any]]:
    info = client.get_flight_info(flight.FlightDescriptor.for_command(sql), options)
    rows: list[dict[str, Any]] = (
        client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()
    )
    return rows


def _one_snapshot(row: dict[str, int]) -> bool:
    return (row["total"], row["again"], row["negative"]) == (_TOTAL, _TOTAL, 0)


_READ = (
    f"SELECT SUM(balance) AS total, (SELECT SUM(b.balance) FROM {_TABLE} b) AS again, "
    f"(SELECT COUNT(*) FROM {_TABLE} c WHERE c.id < 0) AS negative FROM {_TABLE}"
)


def _change(random_: random.Random) -> tuple[str, str]:
    """Return a kind of change and its statement: none of them changes the sum."""
    one, other = random_.sample(range(_ACCOUNTS), 2)
    amount = random_.randint(1, 50)
    kind = random_.choice(
        ("transfer", "transfer", "pair", "merge", "merge", "prune", "optimize", "optimize")
    )
    if kind == "transfer":
        return kind, (
            f"UPDATE {_TABLE} SET balance = balance + CASE WHEN id = {one} THEN -{amount} "
            f"ELSE {amount} END WHERE id IN ({one}, {other})"
        )
    if kind == "pair":
        return kind, f"INSERT INTO {_TABLE} VALUES ({1000 + one}, {amount}), (2000, -{amount})"
    if kind == "merge":
        return kind, (
            f"MERGE INTO {_TABLE} t USING (VALUES ({one}, {amount}), ({other}, -{amount})) s(i, a) "
            "ON t.id = s.i WHEN MATCHED THEN UPDATE SET balance = t.balance + s.a"
        )
    if kind == "prune":
        return kind, f"DELETE FROM {_TABLE} WHERE balance = 0 AND id >= 1000"
    return kind, f"OPTIMIZE TABLE {_TABLE}"


def _client(home: Home, token: str, number: int, until: float, told: Told) -> None:
    random_ = random.Random(number)  # noqa: S311
    options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    turn = 0
    with flight.FlightClient(home.settings.flight_uri) as client:
        while turn < _TURNS or time.monotonic() < until:
            turn += 1
            kind, sql = ("read", _READ) if number % 2 else _change(random_)
            try:
                rows = _reading(client, options, sql)
            except Exception as error:  # noqa: BLE001 - told to the test
                told.failed.append(f"{kind}: {error}")
                continue
            told.did[kind] += 1
            if kind == "read" and not _one_snapshot(rows[0]):
                told.wrong.append(str(rows))


@pytest.fixture(scope="module")
def accounts(dremio: Dremio) -> str:
    """Forty accounts of a hundred each."""
    values = ", ".join(f"({number}, 100)" for number in range(_ACCOUNTS))
    dremio.query(f"CREATE TABLE {_TABLE} (id INT, balance INT)")
    dremio.query(f"INSERT INTO {_TABLE} VALUES {values}")
    return _TABLE


def test_thirty_two_clients(dremio: Dremio, engine_home: Home, accounts: str) -> None:
    told = Told()
    until = time.monotonic() + _SECONDS
    threads = [
        threading.Thread(target=_client, args=(engine_home, dremio.token, n, until, told))
        for n in range(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_SECONDS + 300)
        assert not thread.is_alive()
    print(f"{dict(told.did)}, refused: {len(told.failed)}")
    assert told.wrong == []
    # This process's writers wait for each other: with no other program nothing is refused.
    assert told.failed == []
    assert sum(told.did.values()) >= _CLIENTS * _TURNS
    assert told.did["read"] >= _CLIENTS // 2 * _TURNS
    [(total, again, _)] = dremio.rows(_READ)
    assert (total, again) == (_TOTAL, _TOTAL)
    # As many snapshots as changes that changed something, one after the other.
    changes = sum(told.did[kind] for kind in ("transfer", "pair", "merge"))
    [(snapshots,)] = dremio.rows(f"SELECT COUNT(*) FROM TABLE(table_snapshot('{_TABLE}'))")
    assert snapshots >= changes
