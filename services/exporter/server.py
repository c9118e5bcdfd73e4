"""What answers: `/metrics`, Prometheus' `/api/v1/alerts`, a health question and a test alert."""

from __future__ import annotations

import base64
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from services.common.settings import Settings
from services.exporter.alerts.notify import moment
from services.exporter.alerts.state import Alert
from services.exporter.watch import Watch


class Server(ThreadingHTTPServer):
    """Serves on EXPORTER_PORT; `watch` is None where Prometheus evaluates the rules."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, settings: Settings, registry: CollectorRegistry, watch: Watch | None
    ) -> None:
        super().__init__((settings.bind_address, settings.exporter_port), Handler)
        user = f"{settings.admin_user}:{settings.admin_password.get_secret_value()}"
        self.credentials = "Basic " + base64.b64encode(user.encode()).decode()
        self.registry = registry
        self.watch = watch


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer what is read."""
        if self.path == "/metrics":
            self._send(200, generate_latest(self.server.registry), CONTENT_TYPE_LATEST)
        elif self.path == "/-/healthy":
            self._send(200, b"well\n", "text/plain")
        elif self.path == "/api/v1/alerts" and self.server.watch is not None:
            alerts = [_shown(alert) for alert in self.server.watch.active()]
            self._json(200, {"status": "success", "data": {"alerts": alerts}})
        else:
            self._json(404, {"status": "error", "error": f"nothing at {self.path}"})

    def do_POST(self) -> None:
        """Send a test alert: begun and ended, to every notifier."""
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), self.server.credentials.encode()):
            self._json(401, {"status": "error", "error": "ADMIN_USER and ADMIN_PASSWORD, as basic"})
        elif self.path == "/-/test" and self.server.watch is not None:
            self.server.watch.tell([_test_alert()])
            self._json(202, {"status": "success"})
        else:
            self._json(404, {"status": "error", "error": f"nothing at {self.path}"})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _shown(alert: Alert) -> dict[str, Any]:
    """Return an alert as Prometheus shows it (HTTP API, `/api/v1/alerts`)."""
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": "firing" if alert.firing else "pending",
        "activeAt": moment(alert.since),
        "value": f"{alert.value:.10g}",
    }


def _test_alert() -> Alert:
    labels = {"alertname": "TestAlert", "severity": "none"}
    told = {"summary": "a test: nothing is wrong", "runbook": "docs/alerts.md#testalert"}
    return Alert(labels, told, time.time(), 1.0, firing=True)
