"""Refusals in Elasticsearch's own terms: an HTTP status, a type and a reason.

The types are those of Elasticsearch's `ElasticsearchException` hierarchy as its REST layer
prints them (snake case, without "Elasticsearch").
"""

from __future__ import annotations

from typing import Any

from services.common.errors import PermanentError


class RequestError(PermanentError):
    """A request that is answered with an error body; `extra` goes into that body."""

    def __init__(self, status: int, kind: str, reason: str, **extra: Any) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason, self.extra = status, kind, reason, extra

    def cause(self) -> dict[str, Any]:
        """Return the error as it stands in `error` or in a bulk item."""
        return {"type": self.kind, "reason": self.reason, **self.extra}

    def body(self) -> dict[str, Any]:
        """Return the whole response body."""
        return {"error": {"root_cause": [self.cause()], **self.cause()}, "status": self.status}


class SearchPhaseError(RequestError):
    """A search that failed in its index: Elasticsearch wraps the cause."""

    def __init__(self, cause: RequestError, index: str) -> None:
        super().__init__(cause.status, "search_phase_execution_exception", "all shards failed")
        self._cause, self._index = cause, index

    def body(self) -> dict[str, Any]:
        """Return the whole response body, the cause in `failed_shards`."""
        cause = {**self._cause.cause(), "index": self._index}
        shard = {"shard": 0, "index": self._index, "node": "lakelet", "reason": cause}
        error = {
            "root_cause": [cause],
            **self.cause(),
            "phase": "query",
            "grouped": True,
            "failed_shards": [shard],
        }
        return {"error": error, "status": self.status}


def illegal_argument(reason: str) -> RequestError:
    """400: an argument makes no sense."""
    return RequestError(400, "illegal_argument_exception", reason)


def invalid_request(problem: str) -> RequestError:
    """400: the request lacks something, or says what does not go together."""
    kind = "action_request_validation_exception"
    return RequestError(400, kind, f"Validation Failed: 1: {problem};")


def parsing(reason: str) -> RequestError:
    """400: the body is not what the parser expects."""
    return RequestError(400, "parsing_exception", reason, line=1, col=1)


def not_supported(feature: str) -> RequestError:
    """400: Elasticsearch can do this and this log store cannot."""
    return RequestError(
        400,
        "illegal_argument_exception",
        f"{feature} is not supported by this embedded log store; "
        "it works on a real Elasticsearch at the same address",
    )


def index_not_found(name: str) -> RequestError:
    """404: no such index, alias or data stream."""
    return RequestError(
        404,
        "index_not_found_exception",
        f"no such index [{name}]",
        **{
            "resource.type": "index_or_alias",
            "resource.id": name,
            "index_uuid": "_na_",
            "index": name,
        },
    )


def missing_resource(reason: str) -> RequestError:
    """404: no such template, policy, scroll …"""
    return RequestError(404, "resource_not_found_exception", reason)


def bad_query(reason: str) -> RequestError:
    """400: the query cannot be built for this index's mapping."""
    return RequestError(400, "query_shard_exception", reason)


def no_field_data(name: str) -> RequestError:
    """400: a text field is not sorted, aggregated or given out by its words."""
    return illegal_argument(
        "Text fields are not optimised for operations that require per-document field data like "
        "aggregations and sorting, so these operations are disabled by default. Please use a "
        f"keyword field instead. Alternatively, set fielddata=true on [{name}] in order to load "
        "field data by uninverting the inverted index. Note that this can use significant memory."
    )
