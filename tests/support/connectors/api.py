"""A web API that pages, wants a token, throttles, fails now and then, and sends broken records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.support.connectors.listening import listening

Json = dict[str, Any]


@dataclass
class Api:
    """What the server has and does; `answers` are given before anything else, once each."""

    token: str = "open sesame"
    orders: list[Json] = field(default_factory=list)
    people: list[Json] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def fill(self, count: int, start: int = 1, day: int = 1) -> None:
        self.orders += [
            {"id": i, "amount": i / 4, "updated_at": f"2024-02-{day:02}T00:00:{i % 60:02}Z"}
            for i in range(start, start + count)
        ]


@contextmanager
def serving() -> Iterator[Api]:
    """Run the API."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            api.asked.append(self.path)
            if self.headers.get("Authorization") != f"Bearer {api.token}":
                self._send(401, {"error": "who are you?"})
            elif api.answers:
                status, headers = api.answers.pop(0)
                self._send(status, {"error": "not now"}, headers)
            else:
                self._content(body)

        def _content(self, body: bytes) -> None:
            where = urlparse(self.path)
            if where.path == "/graphql":
                assert "people" in json.loads(body)["query"]
                self._send(200, {"data": {"people": api.people}})
                return
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            found = [o for o in api.orders if str(o["updated_at"]) >= query["since"]]
            size, page = int(query["size"]), int(query.get("page", "1"))
            self._send(200, {"orders": found[(page - 1) * size : page * size]})

        def _send(self, status: int, content: Json, headers: dict[str, str] | None = None) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with listening(Handler) as api.address:
        yield api
