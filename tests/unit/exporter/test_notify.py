"""Telling of alerts: what is sent, what is tried again, what is never written down."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from services.common.errors import TransientError
from services.common.settings import Settings
from services.common.waiting import wait_until
from services.exporter.alerts import notify
from services.exporter.alerts.rules import read_rules
from services.exporter.alerts.sending import Outbox
from services.exporter.alerts.series import Sample, Series
from services.exporter.alerts.state import Alert, States
from tests.support.platform import Home
from tests.support.ports import free_ports
from tests.support.told import mail_server, webhook

# The mail server of the test speaks no TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")

ALERT = Alert(
    {"alertname": "SyncFailed", "severity": "critical", "connection": "shop"},
    {"summary": "the newest sync of shop failed", "runbook": "docs/alerts.md#syncfailed"},
    1_795_264_000.0,
    0.0,
    firing=True,
)


def with_mail(folder: Path, port: int, password: str) -> Settings:
    return Home(
        folder,
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(port),
        SMTP_USER="lakelet",
        SMTP_PASSWORD=password,
        ALERT_EMAIL_TO="a@example.org, b@example.org",
    ).settings


def test_a_webhook_gets_alertmanagers_message_after_it_refused() -> None:
    with webhook(refuse=1) as server:
        outbox = Outbox(notify.WebhookNotifier(server.url))
        outbox.add([ALERT])
        wait_until(lambda: bool(server.messages), seconds=20, what="the webhook")
        outbox.stop()
    (message,) = server.messages
    assert message["version"] == "4"
    assert message["status"] == "firing"
    assert message["groupLabels"] == {"alertname": "SyncFailed"}
    assert message["alerts"][0]["labels"] == ALERT.labels
    assert message["alerts"][0]["startsAt"] == "2026-11-21T12:26:40.000Z"
    assert message["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"


def test_an_address_that_does_not_answer_is_not_told_in_words() -> None:
    notifier = notify.WebhookNotifier("http://127.0.0.1:9/very-secret-token")
    with pytest.raises(TransientError) as raised:
        notifier.tell([ALERT])
    assert "secret" not in str(raised.value)
    assert "ALERT_WEBHOOK_URL" in str(raised.value)
    assert raised.value.__cause__ is None


def test_mail_is_sent_to_all_with_the_login(tmp_path: Path) -> None:
    port = free_ports()["POSTGRES_PORT"]
    settings = with_mail(tmp_path, port, "mail-password")
    with mail_server(port, "lakelet", "mail-password") as box:
        notify.EmailNotifier(settings).tell([ALERT])
    (mail,) = box.mails
    assert mail["Subject"] == "[FIRING:1] SyncFailed (Lakelet)"
    assert mail["To"] == "a@example.org, b@example.org"
    text = mail.get_content()
    assert "the newest sync of shop failed" in text
    assert "docs/alerts.md#syncfailed" in text


def test_a_refused_login_names_the_settings_not_the_password(tmp_path: Path) -> None:
    port = free_ports()["POSTGRES_PORT"]
    settings = with_mail(tmp_path, port, password="not-this-one")
    with (
        mail_server(port, "lakelet", "mail-password") as box,
        pytest.raises(TransientError, match=r"SMTPAuthenticationError.*SMTP_PASSWORD") as raised,
    ):
        notify.EmailNotifier(settings).tell([ALERT])
    assert "not-this-one" not in str(raised.value)
    assert box.mails == []


def test_the_log_has_a_line_for_each(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        notify.LogNotifier().tell([ALERT])
    assert "SyncFailed firing: the newest sync of shop failed" in caplog.text


def test_firing_alerts_survive_a_restart_and_end_once(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 10s,"
        " annotations: {summary: '{{ $labels.job }}'}}]}]"
    )
    path = tmp_path / "alerts.json"
    series = Series(["up"], 60)
    states = States(read_rules(rules), path)
    told = []
    for at in (0.0, 10.0, 20.0):
        series.scrape(at, [Sample("up", {"job": "x"}, 0.0)])
        told.append([(a.name, a.firing) for a in states.evaluate(series, at)])
    assert told == [[], [("Down", True)], []]
    again = States(read_rules(rules), path)  # a new process: no series yet, the same state
    fresh = Series(["up"], 60)
    fresh.scrape(30.0, [Sample("up", {"job": "x"}, 0.0)])
    assert again.evaluate(fresh, 30.0) == []
    fresh.scrape(40.0, [Sample("up", {"job": "x"}, 1.0)])
    (ended,) = again.evaluate(fresh, 40.0)
    assert (ended.ended, ended.since, ended.firing) == (40.0, 0.0, False)
    assert again.evaluate(fresh, 50.0) == []
    assert States(read_rules(rules), path).active() == []
