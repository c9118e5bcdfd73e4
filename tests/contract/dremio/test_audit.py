"""The audit log: who read, changed and was refused what; and how long it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from psycopg_pool import ConnectionPool
from pyarrow import flight

from services.dremio.state.audit import Audit
from services.dremio.state.jobs.history import History
from tests.support.dremio import Dremio
from tests.support.people import Person, refused
from tests.support.platform import Home

pytestmark = pytest.mark.ours("it looks into the server itself")

_COLUMNS = "user_name, event_type, action, objects, outcome, client"


def _events(dremio: Dremio, condition: str) -> list[tuple[Any, ...]]:
    return dremio.rows(f"SELECT {_COLUMNS} FROM sys.audit WHERE {condition} ORDER BY event_id")


def test_statements_with_what_they_touch(dremio: Dremio, people: Callable[[str], Person]) -> None:
    zoe = people("zoe")
    dremio.query("CREATE TABLE gold.aud.t AS SELECT 1 AS a")
    dremio.query("CREATE SPACE aud")
    dremio.query("CREATE VIEW aud.v AS SELECT a FROM gold.aud.t")
    dremio.query("GRANT SELECT ON VIEW aud.v TO USER zoe")
    zoe.flight("SELECT * FROM aud.v")
    with refused():
        zoe.rest.query("DELETE FROM gold.aud.t")
    with refused():
        zoe.rest.query("SELECT * FROM gold.aud.t WHERE a = 4711")
    told = _events(dremio, "user_name = 'zoe' AND event_type IN ('READ', 'WRITE')")
    assert told == [
        # Through the view she reads the table too.
        ("zoe", "READ", "SELECT * FROM aud.v", "aud.v, gold.aud.t", "OK", "FLIGHT"),
        ("zoe", "WRITE", "DELETE FROM gold.aud.t", "gold.aud.t", "DENIED", "REST"),
        ("zoe", "READ", "SELECT * FROM gold.aud.t WHERE a = 4711", None, "DENIED", "REST"),
    ]
    [granted] = _events(dremio, "action LIKE 'GRANT SELECT ON VIEW aud.v%'")
    assert granted[1] == "ACCESS"
    assert [e[:2] for e in _events(dremio, "objects = 'gold.aud.t' AND event_type = 'CHANGE'")]
    # One's own events, unless one may see everybody's jobs.
    assert {row[0] for row in zoe.rest.rows("SELECT DISTINCT user_name FROM sys.audit")} == {"zoe"}
    assert {row[0] for row in zoe.rest.rows("SELECT DISTINCT user_name FROM sys.jobs_recent")} == {
        "zoe"
    }


def test_rest_changes_and_log_ins(
    dremio: Dremio, people: Callable[[str], Person], engine_home: Home
) -> None:
    yan = people("yan")
    assert yan.rest.http.post("/api/v3/role", json={"name": "audited"}).status_code == 403
    url = engine_home.settings.dremio_url
    wrong = {"userName": "yan", "password": "not his"}
    assert httpx.post(f"{url}/apiv2/login", json=wrong).status_code == 401
    with (
        flight.FlightClient(engine_home.settings.flight_uri) as client,
        pytest.raises(flight.FlightUnauthenticatedError),
    ):
        client.authenticate_basic_token("yan", "not his")
    told = [
        (kind, action, outcome)
        for _, kind, action, _, outcome, _ in _events(dremio, "user_name = 'yan'")
    ]
    assert ("LOGIN", "POST /apiv2/login", "OK") in told
    assert ("LOGIN", "POST /apiv2/login", "DENIED") in told
    assert ("LOGIN", "handshake", "DENIED") in told
    assert ("ACCESS", "POST /api/v3/role", "DENIED") in told
    assert "not his" not in str(dremio.rows("SELECT * FROM sys.audit"))


def test_old_records_are_removed(engine_home: Home, dremio: Dremio) -> None:
    dremio.query("SELECT 'kept'")
    with ConnectionPool(
        engine_home.settings.postgres_dsn("dremio"),
        min_size=1,
        max_size=1,
        kwargs={"autocommit": True},
    ) as pool:
        with pool.connection() as connection:
            connection.execute(
                "INSERT INTO audit_event (happened_at, user_name, kind, action, outcome) "
                "VALUES (now() - interval '91 days', 'old', 'READ', 'SELECT 1', 'OK')"
            )
            connection.execute(
                "INSERT INTO job (id, user_name, sql, query_type, state, submitted_at, finished_at)"
                " VALUES (gen_random_uuid(), 'old', 'SELECT 1', 'REST', 'COMPLETED', "
                "now() - interval '31 days', now() - interval '31 days')"
            )
        assert Audit(pool).sweep(90) == 1
        assert History.swept(pool, 30) == 1
    assert _events(dremio, "user_name = 'old'") == []
    assert _events(dremio, "action = 'SELECT ''kept'''")
