"""Paging of the public API: limit and offset, with addresses of the pages around."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams

from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Json

MAX_LIMIT = 100
MAX_OFFSET = 2**31 - 1


def limits(query: QueryParams) -> tuple[int, int]:
    """Return limit (20 unless told, 100 at most) and offset."""
    try:
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
    except ValueError as error:
        raise InvalidInputError("limit and offset are whole numbers") from error
    if not 1 <= limit <= MAX_LIMIT or not 0 <= offset <= MAX_OFFSET:
        raise InvalidInputError(f"limit is 1 to {MAX_LIMIT}, offset 0 to {MAX_OFFSET}")
    return limit, offset


def with_deleted(query: QueryParams) -> bool:
    """Whether `includeDeleted` asks for what was deleted, too."""
    return query.get("includeDeleted", "false").lower() == "true"


def ids(query: QueryParams, name: str) -> list[UUID] | None:
    """Return a list of ids given as `name=a&name=b` or `name=a,b`; None when not given."""
    texts = [part for value in query.getlist(name) for part in value.split(",") if part]
    return [identity(text) for text in texts] or None


def identity(text: str) -> UUID:
    """Return an id. Raises InvalidInputError when it is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r} is not an id (UUID)") from error


def page(items: list[Any], query: QueryParams, url: str, total: int) -> Json:
    """Return a page with the addresses of the next and the previous one ('' when none)."""
    limit, offset = limits(query)

    def link(start: int) -> str:
        rest = [(k, v) for k, v in query.multi_items() if k not in ("limit", "offset")]
        return f"{url}?{urlencode([*rest, ('limit', limit), ('offset', start)])}"

    return {
        "previous": link(max(0, offset - limit)) if offset else "",
        "next": link(offset + limit) if offset + limit < total else "",
        "data": items,
    }
