"""Media types: what clients may send, and the type of the answer.

Source: Elasticsearch's REST API compatibility (`application/vnd.elasticsearch+json;
compatible-with=N`): a 9.x server takes 8 and 9, and answers in the type that was asked for.
"""

from __future__ import annotations

import re

from services.elasticsearch.errors import RequestError

_VENDOR = re.compile(
    r"application/vnd\.elasticsearch\+(json|x-ndjson|cbor|yaml|smile)\s*;\s*compatible-with=(\d+)"
)
_PLAIN_JSON = ("application/json", "application/x-ndjson", "*/*", "application/*")


def check_sent(content_type: str | None) -> None:
    """Raise 406 for a body that is not JSON, 400 for a version that is not spoken."""
    if not content_type:
        return
    kind = content_type.split(";")[0].strip().lower()
    found = _VENDOR.match(content_type.lower())
    if found:
        _check_version(found[2], "Content-Type", content_type)
        if found[1] in ("json", "x-ndjson"):
            return
    elif kind in _PLAIN_JSON or kind == "text/plain":
        return
    raise RequestError(
        406,
        "media_type_header_exception",
        f"Content-Type header [{content_type}] is not supported",
    )


def answer_type(accept: str | None) -> str:
    """Return the content type of a JSON answer. Raises 400 for a version that is not spoken."""
    found = _VENDOR.search((accept or "").lower())
    if not found:
        return "application/json"
    _check_version(found[2], "Accept", accept or "")
    return f"application/vnd.elasticsearch+json;compatible-with={found[2]}"


def _check_version(version: str, header: str, value: str) -> None:
    if version not in ("8", "9"):
        raise RequestError(
            400,
            "media_type_header_exception",
            f"Invalid media-type value on headers [{header}]: A compatible version is required, "
            f"[{value}] is neither 8 nor 9",
        )
