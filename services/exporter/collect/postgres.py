"""The database server: connections, replication slots, write-ahead log."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from services.exporter.catalogue import gauge, value
from services.exporter.database import Database

_CONNECTIONS = """
    SELECT d.datname, count(a.pid) FILTER (WHERE a.state = 'active'), count(a.pid)
    FROM pg_database d LEFT JOIN pg_stat_activity a
      ON a.datname = d.datname AND a.application_name <> 'lakelet-exporter'
    WHERE d.datallowconn GROUP BY 1
"""
_SLOTS = """
    SELECT slot_name,
           pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::float8,
           pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8,
           coalesce(wal_status = 'lost', false)
    FROM pg_replication_slots
"""
_SERVER = """
    SELECT current_setting('max_connections')::float8,
           (SELECT coalesce(sum(size), 0)::float8 FROM pg_ls_waldir())
"""


class Postgres:
    """Collects; the database's user must be allowed pg_ls_waldir (pg_monitor)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self) -> Iterator[Metric]:
        """Yield the families. Raises psycopg.Error."""
        active = gauge("postgres_connections_active")
        opened = gauge("postgres_connections")
        for name, busy, all_of_them in self._database.rows(_CONNECTIONS):
            active.add_metric([name], busy)
            opened.add_metric([name], all_of_them)
        lag = gauge("postgres_slot_lag_bytes")
        kept = gauge("postgres_wal_kept_bytes")
        lost = gauge("postgres_slot_lost")
        for slot, behind, held, gone in self._database.rows(_SLOTS):
            lost.add_metric([slot], float(gone))
            if behind is not None:  # a physical slot confirms nothing
                lag.add_metric([slot], behind)
            if held is not None:  # never used, or its log is lost already
                kept.add_metric([slot], held)
        yield from (active, opened, lag, kept, lost)
        limit, size = self._database.rows(_SERVER)[0]
        yield value("postgres_connections_limit", limit)
        yield value("postgres_wal_bytes", size)
