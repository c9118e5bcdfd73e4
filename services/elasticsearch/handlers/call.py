"""What a handler gets and what it returns."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.elasticsearch.errors import RequestError, illegal_argument, parsing
from services.elasticsearch.state.names import Options
from services.elasticsearch.state.rights import Rights
from services.elasticsearch.state.store import Store
from services.elasticsearch.state.tasks import NODE_ID as NODE_ID

VERSION = "9.1.3"
LUCENE = "10.2.2"
CLUSTER = "lakelet"
NODE = "lakelet"


@dataclass
class Answer:
    """A response: `body` a JSON value, or a text with `content_type` text/plain."""

    body: Any
    status: int = 200
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One request: path parts by name, query parameters, the body as it came."""

    store: Store
    method: str
    path: dict[str, str]
    params: dict[str, str]
    raw: bytes
    user: dict[str, Any]
    address: str = "127.0.0.1:9200"
    endpoint: str = ""  # the path's pattern in the table of routes
    cancelled: threading.Event = field(default_factory=threading.Event)  # of a task

    @property
    def rights(self) -> Rights | None:
        """What the caller's API key is limited to; None: nothing."""
        limited: Rights | None = self.user.get("rights")
        return limited

    def json(self, *, required: bool = False) -> dict[str, Any]:
        """Return the body as an object ({} when there is none).

        Raises parsing_exception, or when `required` and empty parse_exception.
        """
        text = self.raw or self.params.get("source", "").encode()
        if not text.strip():
            if required:
                raise RequestError(400, "parse_exception", "request body is required")
            return {}
        try:
            body = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise RequestError(400, "x_content_parse_exception", f"[1:1] {error}") from error
        if not isinstance(body, dict):
            raise parsing("Expected [START_OBJECT] but found something else")
        return body

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean parameter. Raises illegal_argument_exception."""
        value = self.params.get(name)
        if value is None:
            return default
        if value not in ("", "true", "false"):
            raise illegal_argument(
                f"Failed to parse value [{value}] as only [true] or [false] are allowed."
            )
        return value != "false"

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a whole-number parameter. Raises illegal_argument_exception."""
        value = self.params.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError as error:
            raise illegal_argument(
                f"Failed to parse int parameter [{name}] with value [{value}]"
            ) from error

    def options(self, *, allow_no_indices: bool = True, expand: str = "open") -> Options:
        """Return the `indices_options` among the parameters."""
        wildcards = self.params.get("expand_wildcards", expand).split(",")
        if "all" in wildcards:
            wildcards = ["open", "closed", "hidden"]
        return Options(
            ignore_unavailable=self.flag("ignore_unavailable"),
            allow_no_indices=self.flag("allow_no_indices", allow_no_indices),
            expand_wildcards=frozenset(wildcards),
        )


ACKNOWLEDGED = {"acknowledged": True}
