"""Windows of changes, moments, and changes that are lost; without the sync engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.log import OP, Limits
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.sqlserver.source import SqlServerSource
from services.airbyte.sources.sqlserver.tracking import snapshot as snapshots
from services.airbyte.sources.sqlserver.tracking.log import TrackingLog
from tests.support.sqlserver.fixture import SqlServer

Json = dict[str, Any]
CDC = {"method": "CDC"}
RESYNC = {**CDC, "invalid_cdc_cursor_position_behavior": "Re-sync data"}


def stream(name: str) -> ConfiguredStream:
    return ConfiguredStream(
        name, "dbo", "incremental", "append_dedup", None, ("id",), ("id",), None, None
    )


@pytest.fixture
def tables(server: SqlServer) -> SqlServer:
    for name in ("a", "b"):
        server.execute(
            f"CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, v int)",
            f"ALTER TABLE {name} ENABLE CHANGE_TRACKING",
            f"INSERT INTO {name} VALUES (1, 0), (2, 0)",
        )
    return server


class Reader:
    """Opens the log again and again, as syncs do, and keeps what it read."""

    def __init__(
        self, server: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment
    ) -> None:
        self.server, self.duck, self.env = server, duck, env
        self.states: dict[str, Json | None] = {"dbo\x1fa": None, "dbo\x1fb": None}

    def sync(
        self, method: Json, within: Callable[[TrackingLog], None] = lambda log: None
    ) -> list[tuple[str, list[Any]]]:
        """Return (table, rows with their operation last) of each batch, snapshots first."""
        found: list[tuple[str, list[Any]]] = []
        config = self.server.config(replication_method=method)
        streams = [stream("a"), stream("b")]
        opened = SqlServerSource().open_log(config, streams, self.states, self.duck, self.env)
        with opened as log:
            for one in streams:
                if self.states[one.key] is None or one.key in log.lost:
                    with log.snapshot(one) as reading:
                        assert reading.estimated_rows in (None, 1, 2)
                        query = f"SELECT id, v, 'S' FROM {reading.relation} ORDER BY 1"
                        found.append((one.name, self.duck.execute(query).fetchall()))
                        self.states[one.key] = reading.state()
                within(log)
            found += self.window(log)
        return found

    def window(self, log: TrackingLog, limits: Limits | None = None) -> list[Any]:
        """Read one window."""
        found = []
        for changes in log.window(limits or Limits()):
            rows = changes.batch.select(["id", "v", OP]).to_pylist()
            found.append((changes.stream.name, sorted(tuple(row.values()) for row in rows)))
        self.states = dict(log.states())
        return found


@pytest.fixture
def reader(tables: SqlServer, duck: duckdb.DuckDBPyConnection, env: Environment) -> Reader:
    return Reader(tables, duck, env)


def test_what_is_committed_during_the_snapshot_comes_as_changes(reader: Reader) -> None:
    both = ["UPDATE a SET v = v + 1", "UPDATE b SET v = v + 1"]

    def disturb(log: TrackingLog) -> None:
        reader.server.transaction(*both)

    found = reader.sync(CDC, disturb)
    old = [(1, 0, "S"), (2, 0, "S")]
    new = [(1, 2, "U"), (2, 2, "U")]
    assert found == [("a", old), ("b", old), ("a", new), ("b", new)]
    versions = {state["version"] for state in reader.states.values() if state}
    assert len(versions) == 1
    assert reader.sync(CDC) == []


def test_tables_of_a_transaction_come_in_one_window(reader: Reader) -> None:
    reader.sync(CDC)
    reader.server.transaction("DELETE FROM a WHERE id = 1", "INSERT INTO b VALUES (3, 9)")

    def disturb(log: TrackingLog) -> None:
        batches = log.window(Limits())
        assert next(batches).stream.name == "a"
        # It is not in this window, in which the second table has not been read yet.
        reader.server.transaction("INSERT INTO a VALUES (4, 4)", "INSERT INTO b VALUES (4, 4)")
        rest = [sorted(changes.batch["id"].to_pylist()) for changes in batches]
        assert rest == [[3]]
        reader.states = dict(log.states())
        raise StopIteration

    with pytest.raises(StopIteration):
        reader.sync(CDC, disturb)
    assert reader.sync(CDC) == [("a", [(4, 4, "U")]), ("b", [(4, 4, "U")])]


def test_a_version_that_moves_under_the_snapshot_is_asked_again(
    reader: Reader, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose version is not the snapshot's: commits come between the questions."""
    real, asked = snapshots.current_version, [0]

    def moving(db: Any) -> int:
        asked[0] += 1
        return int(real(db) or 0) + (1 if asked[0] in (2, 4) else 0)

    monkeypatch.setattr(snapshots, "current_version", moving)
    reader.sync(CDC)
    assert asked[0] == 6
    assert not any("once more" in line for line in told)
    monkeypatch.setattr(snapshots, "_TRIES", 1)
    asked[0] = 0
    reader.states = dict.fromkeys(reader.states)
    reader.sync(CDC)
    assert any("once more" in line for line in told)


def test_a_continuous_reader_waits_for_changes(reader: Reader) -> None:
    reader.sync(CDC)
    reader.server.execute("UPDATE a SET v = 7 WHERE id = 1")
    config = reader.server.config(replication_method={**CDC, "poll_interval_ms": 10})
    limits = Limits(gather=0.01, idle=0.05, target=False)
    streams = [stream("a"), stream("b")]
    opened = SqlServerSource().open_log(config, streams, reader.states, reader.duck, reader.env)
    with opened as log:
        assert not log.caught_up
        assert reader.window(log, limits) == [("a", [(1, 7, "U")])]
        assert log.caught_up
        assert reader.window(log, limits) == []
        reader.server.execute("DELETE FROM b WHERE id = 2")
        log.aim()
        assert not log.caught_up
        assert reader.window(log, limits) == [("b", [(2, None, "D")])]


def test_a_column_that_is_gone_is_told_of_once(reader: Reader, told: list[str]) -> None:
    known = [replace(stream(name), known_columns=("id", "v", "w")) for name in ("a", "b")]
    config = reader.server.config(replication_method=CDC)
    reader.sync(CDC)
    opened = SqlServerSource().open_log(config, known, reader.states, reader.duck, reader.env)
    with opened as log:
        for number in (3, 4):
            reader.server.execute(f"INSERT INTO a VALUES ({number}, 1)")
            log.aim()
            assert reader.window(log) == [("a", [(number, 1, "U")])]
    assert told.count("a: w is gone from the source: null now") == 1


def _clean_up(server: SqlServer) -> None:
    assert server.fake is not None
    server.execute("UPDATE a SET v = 1", "UPDATE a SET v = 2")
    (version,) = server.execute("SELECT CHANGE_TRACKING_CURRENT_VERSION() AS v")[0]
    server.fake.clean_up(version)


def _restore(server: SqlServer) -> None:
    assert server.fake is not None
    server.fake.restore(1)


LOSSES: dict[str, tuple[Callable[[SqlServer], object], str]] = {
    "switched": (
        lambda s: s.execute("ALTER TABLE a DISABLE CHANGE_TRACKING", "DELETE FROM a WHERE id = 1",
                            "ALTER TABLE a ENABLE CHANGE_TRACKING"),
        "tracking was off in between",
    ),
    "truncated": (lambda s: s.execute("TRUNCATE TABLE a"), "the table was truncated"),
    "cleaned": (_clean_up, "older than CHANGE_RETENTION"),
    "restored": (_restore, "restored from a backup"),
}  # fmt: skip


@pytest.mark.parametrize("how", LOSSES)
def test_lost_changes_are_explained_and_read_anew_only_when_asked(reader: Reader, how: str) -> None:
    reader.sync(CDC)
    lose, reason = LOSSES[how]
    lose(reader.server)
    with pytest.raises(ConnectorError, match=reason) as raised:
        reader.sync(CDC)
    assert raised.value.kind == "config_error"
    assert "connections/reset" in str(raised.value)
    tables = ["a", "b"] if how in ("restored", "cleaned") else ["a"]
    assert [name for name, rows in reader.sync(RESYNC)] == tables
    wanted = reader.server.execute("SELECT id FROM a ORDER BY id")
    assert reader.sync(RESYNC) == []
    assert len(wanted) == {"switched": 1, "truncated": 0}.get(how, 2)


def test_tracking_that_is_off_is_named(reader: Reader) -> None:
    reader.sync(CDC)
    reader.server.execute("ALTER TABLE a DISABLE CHANGE_TRACKING")
    with pytest.raises(ConnectorError, match=r"ALTER TABLE \[dbo\]\.\[a\] ENABLE"):
        reader.sync(CDC)
    reader.server.execute(
        "ALTER TABLE b DISABLE CHANGE_TRACKING", "ALTER DATABASE CURRENT SET CHANGE_TRACKING = OFF"
    )
    with pytest.raises(ConnectorError, match="SET CHANGE_TRACKING = ON"):
        reader.sync(CDC)
