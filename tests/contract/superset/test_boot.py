"""Start, restart, crash: what `python -m services.superset` promises."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest

from bootstrap.superset.client import Superset
from services.common.errors import RefusedError
from services.common.settings import CHECKOUT, read_settings
from services.common.waiting import wait_until
from tests.contract.superset.conftest import kill_hard
from tests.support.platform import Home, services_in


def stamp(home: Home) -> tuple[str, str]:
    with psycopg.connect(home.settings.postgres_dsn("superset")) as connection:
        row = connection.execute("SELECT version, administrator FROM lakelet.prepared").fetchone()
    assert row is not None
    return row


def counts(home: Home) -> dict[str, int]:
    tables = ("ab_user", "ab_role", "ab_permission_view", "ab_permission_view_role", "ab_view_menu")
    with psycopg.connect(home.settings.postgres_dsn("superset")) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[index,arg-type]
            for table in tables
        }


def log_of(home: Home) -> str:
    return (home.folder / "superset.log").read_text()


def test_the_administrator_of_the_settings_logs_in(booted: Home) -> None:
    me = Superset(booted.settings).call("GET", "/api/v1/me/")["result"]
    assert me["username"] == booted.settings.admin_user
    roles = Superset(booted.settings).call("GET", "/api/v1/me/roles/")["result"]["roles"]
    assert list(roles) == ["Admin"]


def test_a_wrong_password_is_refused(booted: Home) -> None:
    wrong = booted.settings.model_copy(update={"admin_password": booted.settings.encryption_key})
    with pytest.raises(RefusedError, match="401"):
        Superset(wrong)


def test_an_event_of_the_login_page_cannot_take_the_logins_place(booted: Home) -> None:
    with httpx.Client(base_url=booted.settings.superset_url, trust_env=False) as browser:
        assert browser.get("/login/").cookies, "the login page begins a session"
        heard = browser.post("/superset/log/?explode=events", data={"events": "[]"})
        assert heard.status_code == 204, "it leads nowhere"
        assert "set-cookie" not in heard.headers


def test_pages_talk_to_no_other_host(booted: Home) -> None:
    page = httpx.get(f"{booted.settings.superset_url}/login/", trust_env=False)
    policy = page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in policy
    # Neither pixels nor fonts nor maps from elsewhere.
    assert "http" not in policy
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_it_listens_on_loopback_only(booted: Home) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f"{booted.settings.superset_port:04X}"
    addresses = [line.split()[1] for line in listening if line.split()[3] == "0A"]
    assert [a for a in addresses if a.endswith(f":{port}")] == [f"0100007F:{port}"]


def test_every_line_of_its_log_is_json(booted: Home) -> None:
    lines = log_of(booted).splitlines()
    assert any('"database prepared"' in line for line in lines)
    assert [line for line in lines if not line.startswith('{"timestamp"')] == []
    assert booted.settings.admin_password.get_secret_value() not in log_of(booted)
    assert booted.settings.superset_db_password.get_secret_value() not in log_of(booted)


def at_least(home: Home, tables: int) -> bool:
    with psycopg.connect(home.settings.postgres_dsn("superset")) as connection:
        row = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchone()
    assert row is not None
    return int(row[0]) >= tables


def test_crashes_while_preparing_and_a_new_password(tmp_path: Path) -> None:
    """Killed at several points of the first start; then whole; then with another password."""
    with services_in(tmp_path, "postgres") as home:
        for wanted in (1, 15, 35):
            process = subprocess.Popen(
                [sys.executable, "-m", "services.superset"],
                env=home.environment,
                cwd=CHECKOUT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_until(partial(at_least, home, wanted), seconds=120, what=f"{wanted} tables")
            kill_hard(process)
        process = home.start_service("superset")
        reference = counts(home)
        assert reference["ab_user"] == 1
        version, administrator = stamp(home)
        migrations = log_of(home).count("preparing the database")
        prepared = log_of(home).count("database prepared")

        kill_hard(process)
        process = home.start_service("superset")
        assert log_of(home).count("database prepared") == prepared, "prepared though it was done"
        assert counts(home) == reference

        process.terminate()
        assert process.wait(timeout=90) == 0
        text = home.settings.env_file.read_text()
        old = home.settings
        home.settings.env_file.write_text(
            text.replace(old.admin_password.get_secret_value(), "another-password")
        )
        home.settings = read_settings(home.folder)
        home.start_service("superset")
        assert Superset(home.settings)
        with pytest.raises(RefusedError):
            Superset(old)
        assert stamp(home)[0] == version
        assert stamp(home)[1] != administrator
        assert log_of(home).count("preparing the database") == migrations


def test_it_waits_for_a_database_that_starts_later(tmp_path: Path) -> None:
    with services_in(tmp_path) as home:
        with (home.folder / "superset.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.superset"],
                env=home.environment,
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: "waiting for PostgreSQL" in log_of(home), seconds=120, what="its wait")
        assert process.poll() is None
        home.start_service("postgres")
        health = f"{home.settings.superset_url}/health"
        wait_until(
            lambda: httpx.get(health, trust_env=False).text == "OK", seconds=180, what="Superset"
        )
