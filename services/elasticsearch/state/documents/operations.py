"""What may be done to one document, and the ids that documents get when they come without."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import Any

from services.elasticsearch.errors import RequestError


@dataclass
class Operation:
    """One line of a bulk request. `text`: the source as it came, `document`: parsed.

    For `update`, `document` is the body of the update (`doc`, `upsert` …).
    """

    action: str  # index | create | update | delete
    target: str
    id: str | None = None
    document: Any = None
    text: str = ""
    if_seq_no: int | None = None
    if_primary_term: int | None = None
    routing: str | None = None
    require_alias: bool = False


@dataclass
class Stored:
    """A document as it stands; `text` is its source."""

    version: int
    seq: int
    text: str


_PREFIX = secrets.token_urlsafe(9)[:10].replace("-", "a").replace("_", "b")
_COUNTER = itertools.count()


def new_id() -> str:
    """Return an id that no document has: random for each process, then counted up."""
    return f"{_PREFIX}{next(_COUNTER):010x}"


def new_ids(count: int) -> list[str]:
    """Return `count` such ids."""
    return [f"{_PREFIX}{number:010x}" for number in itertools.islice(_COUNTER, count)]


def check_expected(operation: Operation, current: Stored | None, index: str, uuid: str) -> None:
    """Raise version_conflict_engine_exception unless the operation's conditions hold."""
    identifier = operation.id
    reason = None
    if operation.action == "create" and current is not None:
        reason = f"document already exists (current version [{current.version}])"
    elif operation.if_seq_no is not None:
        if current is None:
            reason = (
                f"required seqNo [{operation.if_seq_no}], primary term "
                f"[{operation.if_primary_term}]. but no document was found"
            )
        elif current.seq != operation.if_seq_no or operation.if_primary_term != 1:
            reason = (
                f"required seqNo [{operation.if_seq_no}], primary term "
                f"[{operation.if_primary_term}]. current document has seqNo [{current.seq}] "
                "and primary term [1]"
            )
    if reason:
        raise RequestError(
            409,
            "version_conflict_engine_exception",
            f"[{identifier}]: version conflict, {reason}",
            index_uuid=uuid,
            shard="0",
            index=index,
        )


def check_timestamp(document: dict[str, Any]) -> None:
    """Raise document_parsing_exception for a document without the time a data stream wants."""
    if document.get("@timestamp") is None:
        raise RequestError(
            400,
            "document_parsing_exception",
            "[1:1] failed to parse: data stream timestamp field [@timestamp] is missing",
        )
