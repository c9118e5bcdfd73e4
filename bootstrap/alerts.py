"""The alerts of the moment: from Prometheus where it runs, else from the exporter.

Both answer in Prometheus' words (HTTP API, `GET /api/v1/alerts`).
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from bootstrap.runtime import choose_runtime
from services.common import debian
from services.common.errors import ConfigError, TransientError
from services.common.settings import Settings


@dataclass(frozen=True)
class Alert:
    """One alert; `state`: pending or firing; `since`: ISO 8601."""

    name: str
    state: str
    severity: str
    labels: dict[str, str]
    summary: str
    runbook: str
    since: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    def line(self) -> str:
        """Return the alert in one line."""
        return f"{self.state} {self.severity}: {self.name}: {self.summary} ({self.runbook})"


def active_alerts(settings: Settings) -> list[Alert]:
    """Return what is pending or firing. Raises TransientError when nobody can be asked."""
    by_prometheus = _in_vendors_containers(settings) or debian.runs_prometheus(settings)
    address = settings.prometheus_url if by_prometheus else settings.exporter_url
    answer = _call("GET", f"{address}/api/v1/alerts", settings)
    return [_alert(each) for each in answer.json()["data"]["alerts"]]


def send_test(settings: Settings) -> None:
    """Send a test alert to all that are told. Raises TransientError when that is not possible."""
    if _in_vendors_containers(settings):
        raise ConfigError("in containers: `amtool alert add TestAlert` in `alertmanager`")
    if not debian.runs_prometheus(settings):
        _call("POST", f"{settings.exporter_url}/-/test", settings)
        return
    now = datetime.datetime.now(datetime.UTC)
    alert = {
        "labels": {"alertname": "TestAlert", "severity": "none"},
        "annotations": {
            "summary": "a test: nothing is wrong",
            "runbook": "docs/alerts.md#testalert",
        },
        "startsAt": now.isoformat(),
        "endsAt": (now + datetime.timedelta(minutes=1)).isoformat(),
    }
    _call("POST", f"{settings.alertmanager_url}/api/v2/alerts", settings, [alert])


def _in_vendors_containers(settings: Settings) -> bool:
    """Say whether Prometheus' own containers watch; our engines' exporter watches else."""
    runtime = choose_runtime(settings)[0]
    return (runtime.name, runtime.engines) == ("compose", "vendor")


def _call(method: str, address: str, settings: Settings, body: Any = None) -> httpx.Response:
    password = settings.admin_password.get_secret_value()
    try:
        answer = httpx.request(
            method,
            address,
            json=body,
            auth=(settings.admin_user, password),
            timeout=10,
            trust_env=False,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise TransientError(
            f"no answer about alerts from {address} ({type(error).__name__}): "
            "`lakelet status` shows what runs, `make up` starts it"
        ) from error
    return answer


def _alert(found: dict[str, Any]) -> Alert:
    labels, told = found["labels"], found.get("annotations", {})
    return Alert(
        name=labels["alertname"],
        state=found["state"],
        severity=labels.get("severity", ""),
        labels={k: v for k, v in labels.items() if k not in ("alertname", "severity")},
        summary=told.get("summary", ""),
        runbook=told.get("runbook", ""),
        since=found["activeAt"],
    )
