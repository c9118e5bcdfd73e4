"""Debian's Prometheus and Alertmanager, run as the platform runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.common.waiting import wait_until
from services.supervisor.orphans import end_processes
from tests.support.platform import Home
from tests.support.ports import free_port
from tests.support.promtool import tool
from tests.support.told import Mailbox, Webhook, mail_server, webhook

RULES = """
groups:
  - name: test
    rules:
      - alert: TestAlert
        expr: vector(7) > 6
        for: 8s
        labels: {severity: critical}
        annotations: {summary: "the value is {{ $value }}", runbook: docs/alerts.md#testalert}
"""


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[Home, Webhook, Mailbox]]:
    """Both running, with a rule that always fires, and those whom they tell."""
    for name in ("prometheus", "prometheus-alertmanager"):
        tool(name)
    rules, port = tmp_path / "rules.yml", free_port()
    rules.write_text(RULES)
    with webhook() as hook, mail_server(port, "lakelet", "mail-password") as box:
        home = Home(
            tmp_path / "home",
            MONITORING="on",
            ALERT_RULES=str(rules),
            METRICS_INTERVAL_SECONDS="1",
            ALERT_WEBHOOK_URL=hook.url,
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SMTP_USER="lakelet",
            SMTP_PASSWORD="mail-password",
            SMTP_STARTTLS="false",
            ALERT_EMAIL_TO="somebody@example.org",
        )
        try:
            home.start_service("alertmanager")
            home.start_service("prometheus")
            yield home, hook, box
        finally:
            end_processes(home.settings)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_rule_fires_and_is_told_by_webhook_and_mail(
    told: tuple[Home, Webhook, Mailbox],
) -> None:
    home, hook, box = told
    # What Prometheus could not deliver in its first seconds it sends again after a minute.
    wait_until(lambda: "firing" in hook.told("TestAlert"), seconds=150, what="the webhook")
    wait_until(lambda: bool(box.mails), seconds=60, what="the mail")
    [alert] = hook.messages[0]["alerts"]
    assert alert["annotations"] == {
        "summary": "the value is 7",
        "runbook": "docs/alerts.md#testalert",
    }
    assert "TestAlert" in str(box.mails[0]["Subject"])
    shown = httpx.get(f"{home.settings.alertmanager_url}/api/v2/alerts", trust_env=False).json()
    assert [each["labels"]["alertname"] for each in shown] == ["TestAlert"]
    config = home.settings.data_dir / "alertmanager" / "alertmanager.yml"
    assert config.stat().st_mode & 0o077 == 0  # it holds a password
