"""SCRAM-SHA-256 (RFC 7677), the server's side."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any

from tests.support.mongo.store import ServerError
from tests.support.mongo.wire import Session

Json = dict[str, Any]
_ROUNDS = 4096


def _fields(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def start(session: Session, command: Json, users: dict[str, str]) -> Json:
    """Answer saslStart."""
    first = bytes(command["payload"]).decode().partition(",,")[2]
    given = _fields(first)
    salt, nonce = os.urandom(16), given["r"] + base64.b64encode(os.urandom(18)).decode()
    told = f"r={nonce},s={base64.b64encode(salt).decode()},i={_ROUNDS}"
    session.conversation = (
        given["n"],
        users.get(given["n"], os.urandom(8).hex()),
        salt,
        first,
        told,
    )
    return {"conversationId": 1, "done": False, "payload": told.encode()}


def go_on(session: Session, command: Json) -> Json:
    """Answer saslContinue. Raises ServerError for a wrong password."""
    if session.user is not None:
        return {"conversationId": 1, "done": True, "payload": b""}
    name, password, salt, first, told = session.conversation
    final = bytes(command["payload"]).decode()
    without, _, proof = final.rpartition(",p=")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)

    def digest(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    client_key = digest(salted, "Client Key")
    auth = f"{first},{told},{without}"
    signature = digest(hashlib.sha256(client_key).digest(), auth)
    wanted = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    if not hmac.compare_digest(wanted, base64.b64decode(proof)):
        raise ServerError(18, "AuthenticationFailed", "Authentication failed.")
    session.user = name
    verifier = base64.b64encode(digest(digest(salted, "Server Key"), auth)).decode()
    return {"conversationId": 1, "done": False, "payload": f"v={verifier}".encode()}
