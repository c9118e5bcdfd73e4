"""Those who are told of alerts: a webhook and a mail server, as far as tests need them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted to it; answers 503 to the first `refuse` posts."""

    def __init__(self, refuse: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.messages: list[dict[str, Any]] = []
        self.refuse = refuse

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook-secret-token"

    def told(self, name: str) -> list[str]:
        """Return the statuses that alerts of this name were told with, in order."""
        messages = [m for m in self.messages if m["groupLabels"]["alertname"] == name]
        return [alert["status"] for m in messages for alert in m["alerts"]]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refuse > 0:
            self.server.refuse -= 1
            self.send_response(503)
        else:
            self.server.messages.append(json.loads(body))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def webhook(refuse: int = 0) -> Iterator[Webhook]:
    """Serve a webhook."""
    server = Webhook(refuse)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Mailbox:
    """A mail server that takes mail from one user and keeps it."""

    def __init__(self, user: str, password: str) -> None:
        self.mails: list[EmailMessage] = []
        self._right = LoginPassword(user.encode(), password.encode())

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        return AuthResult(success=data == self._right, handled=False)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 kept"


@contextmanager
def mail_server(port: int, user: str, password: str) -> Iterator[Mailbox]:
    """Serve SMTP on a port; only whoever logs in may send."""
    box = Mailbox(user, password)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        authenticator=box.authenticate,
        auth_required=True,
        auth_require_tls=False,
        ready_timeout=60,  # its 5 s are too few on a busy machine
        auth_exclude_mechanism=["LOGIN"],  # its questions are not those that Go's client knows
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
