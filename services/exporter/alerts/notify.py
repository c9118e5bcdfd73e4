"""Telling of alerts: in the log always, to a webhook and by e-mail where they are set up.

The webhook gets Alertmanager's own message (prometheus.io, alerting/configuration, webhook_config,
version 4), so that what takes the one takes the other. Addresses may hold tokens: they are in no
log line and in no error.
"""

from __future__ import annotations

import datetime
import hashlib
import logging
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any, Protocol

import httpx

from services.common.errors import TransientError
from services.common.settings import Settings
from services.exporter.alerts.state import Alert

log = logging.getLogger(__name__)


class Notifier(Protocol):
    """Takes alerts that began or ended. Raises TransientError when a later try may help."""

    name: str

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Tell of them, all in one message."""


class LogNotifier:
    """Writes a line for each alert; the log store has it with the other lines."""

    name = "log"

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Log them: firing as a warning, ended as information."""
        for alert in alerts:
            level = logging.WARNING if alert.ended is None else logging.INFO
            extra = {"alert": alert.name, "status": status(alert), "labels": alert.labels}
            log.log(level, "%s %s: %s", alert.name, status(alert), summary(alert), extra=extra)


class WebhookNotifier:
    """Posts Alertmanager's message."""

    name = "webhook"

    def __init__(self, address: str) -> None:
        self._address = address

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Post one message. Raises TransientError without the address in its words."""
        try:
            answer = httpx.post(self._address, json=message(alerts), timeout=10, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(
                f"the webhook could not be told: {type(error).__name__}; see ALERT_WEBHOOK_URL"
            ) from None
        if not answer.is_success:
            raise TransientError(f"the webhook answered {answer.status_code}; ALERT_WEBHOOK_URL")


class EmailNotifier:
    """Sends one plain-text message over SMTP."""

    name = "e-mail"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Send it. Raises TransientError without the password in its words."""
        chosen = self._settings
        try:
            with smtplib.SMTP(chosen.smtp_host, chosen.smtp_port, timeout=15) as server:
                if chosen.smtp_starttls:
                    server.starttls()
                if chosen.smtp_user and chosen.smtp_password:
                    server.login(chosen.smtp_user, chosen.smtp_password.get_secret_value())
                server.send_message(mail(alerts, chosen.alert_email_from, chosen.alert_email_to))
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(
                f"no e-mail over {chosen.smtp_host}:{chosen.smtp_port}: {type(error).__name__}; "
                "see SMTP_HOST, SMTP_USER and SMTP_PASSWORD"
            ) from None


def notifiers(settings: Settings) -> list[Notifier]:
    """Return what the settings ask for."""
    found: list[Notifier] = [LogNotifier()]
    if settings.alert_webhook_url is not None:
        found.append(WebhookNotifier(settings.alert_webhook_url.get_secret_value()))
    if settings.smtp_host and settings.alert_email_to:
        found.append(EmailNotifier(settings))
    return found


def message(alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return Alertmanager's webhook message; all the alerts have one name."""
    firing = any(alert.ended is None for alert in alerts)
    name = alerts[0].name
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "lakelet",
        "groupLabels": {"alertname": name},
        "commonLabels": _common([alert.labels for alert in alerts]),
        "commonAnnotations": _common([alert.annotations for alert in alerts]),
        "externalURL": "",
        "alerts": [
            {
                "status": status(alert),
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": moment(alert.since),
                "endsAt": moment(alert.ended) if alert.ended else "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": fingerprint(alert),
            }
            for alert in alerts
        ],
    }


def mail(alerts: Sequence[Alert], sender: str, recipients: str) -> EmailMessage:
    """Return the message that tells of alerts of one name."""
    made = EmailMessage()
    firing = sum(alert.ended is None for alert in alerts)
    state = f"FIRING:{firing}" if firing else "RESOLVED"
    made["Subject"] = f"[{state}] {alerts[0].name} (Lakelet)"
    made["From"], made["To"] = sender, recipients
    lines = []
    for alert in alerts:
        labels = ", ".join(f"{k}={v}" for k, v in sorted(alert.labels.items()))
        lines += [f"{status(alert)} since {moment(alert.since)}: {summary(alert)}", f"  {labels}"]
        if "runbook" in alert.annotations:
            lines.append(f"  what to do: {alert.annotations['runbook']}")
    made.set_content("\n".join(lines) + "\n")
    return made


def status(alert: Alert) -> str:
    """Return Alertmanager's word for an alert that is told of."""
    return "firing" if alert.ended is None else "resolved"


def summary(alert: Alert) -> str:
    """Return what is the matter, in words."""
    return alert.annotations.get("summary", alert.name)


def fingerprint(alert: Alert) -> str:
    """Return what tells this alert from others, the same in every message about it."""
    text = "\0".join(f"{k}\0{v}" for k, v in sorted(alert.labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def moment(seconds: float) -> str:
    """Return a time as RFC 3339 in UTC."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _common(all_of_them: list[dict[str, str]]) -> dict[str, str]:
    first, *others = all_of_them
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
