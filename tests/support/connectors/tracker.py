"""A web API of projects and their tasks, with reports to wait for and tables that it names."""

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
class Tracker:
    """What the server has, and what it was asked for; `tasks` are by project."""

    projects: list[Json] = field(default_factory=list)
    tasks: dict[int, list[Json]] = field(default_factory=dict)
    contacts: list[Json] = field(default_factory=list)
    tables: dict[str, list[Json]] = field(default_factory=dict)
    report: list[list[Json]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, path: str, query: dict[str, str]) -> Any:
        """Return what is at a path."""
        match path.strip("/").split("/"):
            case ["projects"]:
                return _since(self.projects, query)
            case ["projects", project, "tasks"]:
                return _since(self.tasks[int(project)], query)
            case ["fields"]:
                return [{"name": name} for name in ("id", "name", "mail", "city")]
            case ["contacts"]:
                wanted = {"id", *query["fields"].split(",")}
                return [{k: v for k, v in one.items() if k in wanted} for one in self.contacts]
            case ["tables"]:
                return [{"name": name} for name in self.tables]
            case ["tables", name]:
                return self.tables[name]
            case ["exports"] if method == "POST":
                return {"id": "e1", "status": "working"}
            case ["exports", "e1"]:
                urls = [f"{self.address}/parts/{n}" for n in range(len(self.report))]
                return {"status": "ready", "urls": urls}
            case ["parts", number]:
                return self.report[int(number)]
        raise LookupError(path)


def _since(rows: list[Json], query: dict[str, str]) -> list[Json]:
    return [row for row in rows if row["updated_at"] >= query["since"]]


@contextmanager
def serving() -> Iterator[Tracker]:
    """Run the API."""
    tracker = Tracker()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tracker.asked.append(self.path)
            where = urlparse(self.path)
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            text = json.dumps(tracker.answer(self.command, where.path, query)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with listening(Handler) as tracker.address:
        yield tracker
