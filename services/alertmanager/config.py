"""Alertmanager's configuration, from the settings: whom it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from services.common.settings import Settings


def configuration(settings: Settings) -> dict[str, Any]:
    """Return the document (prometheus.io, alerting/configuration); it may hold secrets."""
    receiver: dict[str, Any] = {"name": "lakelet"}
    if settings.alert_webhook_url is not None:
        address = settings.alert_webhook_url.get_secret_value()
        receiver["webhook_configs"] = [{"url": address, "send_resolved": True}]
    if settings.smtp_host and settings.alert_email_to:
        mail: dict[str, Any] = {
            "to": settings.alert_email_to,
            "from": settings.alert_email_from,
            "smarthost": f"{settings.smtp_host}:{settings.smtp_port}",
            "require_tls": settings.smtp_starttls,
            "send_resolved": True,
        }
        if settings.smtp_user and settings.smtp_password:
            mail["auth_username"] = settings.smtp_user
            mail["auth_password"] = settings.smtp_password.get_secret_value()
        receiver["email_configs"] = [mail]
    return {
        "route": {
            "receiver": "lakelet",
            "group_by": ["alertname"],
            "group_wait": "5s",
            "group_interval": "1m",
            "repeat_interval": "4h",
        },
        "receivers": [receiver],
    }


def write_config(settings: Settings, folder: Path) -> Path:
    """Write the configuration (mode 600) into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "alertmanager.yml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(configuration(settings), sort_keys=False))
    return path
