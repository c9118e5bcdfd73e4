"""Sending records to the log store, in Elasticsearch's own protocol."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import orjson

from services.common.errors import PermanentError, TransientError
from services.common.settings import CHECKOUT, Settings

_TEMPLATES = CHECKOUT / "monitoring" / "elasticsearch"

log = logging.getLogger(__name__)


class LogStore:
    """The log store as its client sees it."""

    def __init__(self, settings: Settings) -> None:
        self._client = httpx.Client(
            base_url=settings.elasticsearch_url,
            auth=("elastic", settings.elasticsearch_password.get_secret_value()),
            timeout=30,
            trust_env=False,
        )
        self._prepared = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, documents: list[tuple[str, str, dict[str, Any]]]) -> int:
        """Store (index, id, record); return how many were refused for good (each is logged).

        A document that is there already is replaced: its id is always the same, and a traceback
        may have grown since it was sent.
        Raises TransientError when the store cannot take them now: send them again.
        """
        self._prepare()
        lines = []
        for index, identifier, record in documents:
            lines.append(orjson.dumps({"index": {"_index": index, "_id": identifier}}))
            lines.append(orjson.dumps(record))
        answer = self._call("POST", "/_bulk", b"\n".join(lines) + b"\n", "application/x-ndjson")
        refused = 0
        for item in answer["items"]:
            status, error = item["index"]["status"], item["index"].get("error")
            if status == 429 or status >= 500:
                raise TransientError(f"the log store is busy: {error}")
            if status >= 400:
                refused += 1
                log.error(
                    "the log store refused a record: %s", error["reason"] if error else status
                )
        return refused

    def _prepare(self) -> None:
        """Put policy and template, before the first index is made from them."""
        if self._prepared:
            return
        for folder, address in (("policies", "/_ilm/policy"), ("templates", "/_index_template")):
            for path in sorted(Path(_TEMPLATES / folder).glob("*.json")):
                self._call("PUT", f"{address}/{path.stem}", path.read_bytes(), "application/json")
        self._prepared = True

    def _call(self, method: str, path: str, body: bytes, kind: str) -> Any:
        try:
            answer = self._client.request(
                method, path, content=body, headers={"content-type": kind}
            )
        except httpx.TransportError as error:
            raise TransientError(f"the log store does not answer: {error}") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TransientError(f"the log store answered {answer.status_code}")
        if answer.is_error:
            raise PermanentError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()
