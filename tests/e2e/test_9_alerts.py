"""What goes wrong raises its alert within a minute, is told to a webhook and by mail, and clears.

The rules are the platform's own with shorter windows, so that clearing need not be waited for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from services.common.waiting import wait_until
from services.exporter.alerts.rules import read_rules
from services.supervisor.control import Supervisor
from tests.support.platform import Home
from tests.support.ports import free_ports
from tests.support.told import Mailbox, Webhook, mail_server, webhook

WHOLE_DISK = 2**62
PROVOKED = {"SyncFailed", "DiskAlmostFull", "SlowQuery", "ApiErrors", "ServiceDown"}


@dataclass
class Told:
    webhook: Webhook
    mailbox: Mailbox


@pytest.fixture(scope="module")
def told(platform: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The platform with a nervous exporter that tells two servers of the test's own."""
    env, port = platform.settings.env_file, free_ports()["POSTGRES_PORT"]
    kept = env.read_text()
    rules = tmp_path_factory.mktemp("rules") / "alerts.yml"
    text = platform.settings.rules_file.read_text()
    rules.write_text(text.replace("[5m]", "[20s]").replace("for: 30s", "for: 3s"))
    assert len(read_rules(rules)) > 10
    with webhook() as hook, mail_server(port, "lakelet", "mail-password") as box:
        change = {
            "ALERT_RULES": rules,
            "METRICS_INTERVAL_SECONDS": 2,
            "SLOW_QUERY_SECONDS": 0.0001,
            "DISK_RESERVE_BYTES": WHOLE_DISK,
            "ALERT_WEBHOOK_URL": hook.url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": port,
            "SMTP_USER": "lakelet",
            "SMTP_PASSWORD": "mail-password",
            "ALERT_EMAIL_TO": "somebody@example.org",
        }
        env.write_text(kept + "".join(f"{k}={v}\n" for k, v in change.items()))
        assert platform.lakelet("restart", "exporter").returncode == 0
        yield Told(hook, box)
        env.write_text(kept)
        assert platform.lakelet("restart", "exporter").returncode == 0


def firing(platform: Home) -> set[str]:
    answer = httpx.get(
        f"{platform.settings.exporter_url}/api/v1/alerts", trust_env=False, timeout=30
    )
    alerts = answer.json()["data"]["alerts"]
    return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}


def test_a_test_alert_arrives_at_both(platform: Home, told: Told) -> None:
    assert platform.lakelet("alerts", "--test").returncode == 0
    wait_until(lambda: bool(told.webhook.told("TestAlert")), seconds=60, what="the webhook")
    wait_until(lambda: bool(subjects(told, "TestAlert")), seconds=60, what="the mail")


def subjects(told: Told, name: str) -> list[str]:
    return [m["Subject"] for m in told.mailbox.mails if name in m["Subject"]]


def test_what_goes_wrong_is_told_within_a_minute_and_clears(platform: Home, told: Told) -> None:
    flights = platform.settings.inbox_dir / "nycflights" / "flights.csv"
    kept = flights.with_suffix(".kept")
    shutil.copy(flights, kept)
    supervisor = Supervisor(platform.settings)
    try:
        lines = flights.read_text().splitlines(keepends=True)
        lines[1000] = "2013,1,2,not,enough,fields\n"
        flights.write_text("".join(lines))
        assert platform.lakelet("sync", "nycflights").returncode != 0
        arrives(told, "SyncFailed")
        arrives(told, "DiskAlmostFull")
        platform.lakelet_json("query", "SELECT COUNT(*) AS n FROM gold.fct_orders")
        arrives(told, "SlowQuery")
        words = platform.lakelet("status").stdout
        assert all(f"firing critical: {n}" in words for n in ("SyncFailed", "DiskAlmostFull"))
        assert platform.lakelet("alerts").returncode == 1
        supervisor._rpc().stopProcess("postgres")
        address = f"{platform.settings.superset_url}/api/v1/dashboard/"
        assert httpx.get(address, timeout=60, trust_env=False).status_code == 500
        arrives(told, "ApiErrors")
        arrives(told, "ServiceDown")
    finally:
        kept.replace(flights)
        supervisor.start()
    assert platform.lakelet("sync", "nycflights").returncode == 0
    env = platform.settings.env_file
    text = env.read_text().replace(f"={WHOLE_DISK}", "=1").replace("=0.0001", "=3600")
    env.write_text(text)
    assert platform.lakelet("restart", "exporter").returncode == 0
    wait_until(lambda: not firing(platform) & PROVOKED, seconds=90, what="all clear")
    for name in PROVOKED:
        wait_until(lambda n=name: told.webhook.told(n)[-1] == "resolved", seconds=60, what=name)
    log = (platform.settings.data_dir / "logs" / "exporter.log").read_text()
    assert "SyncFailed firing" in log
    assert "SyncFailed resolved" in log
    assert "hook-secret-token" not in log
    assert "mail-password" not in log


def arrives(told: Told, name: str) -> None:
    """Wait, for a minute at most, until both have been told that `name` fires."""
    wait_until(
        lambda: "firing" in told.webhook.told(name) and bool(subjects(told, name)),
        seconds=60,
        what=name,
    )
