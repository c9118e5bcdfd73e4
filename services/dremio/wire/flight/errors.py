"""Dremio's kinds of error → Flight's, which gRPC shows as status codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import flight

from services.dremio.state.errors import DremioError, ErrorKind

_log = logging.getLogger(__name__)


class _Quiet:
    """Keeps the traceback from the client.

    pyarrow appends `traceback.format_exception` of any error that is not a FlightError to the
    message it sends; when that fails it appends the class's name alone.
    """

    @property
    def __notes__(self) -> list[str]:
        raise LookupError("not for formatting")


# pyarrow has no FlightError for these codes: Arrow's own errors become them.
class InvalidArgument(_Quiet, pa.ArrowInvalid):  # type: ignore[misc]
    """gRPC's INVALID_ARGUMENT."""


class NotFound(_Quiet, pa.ArrowKeyError):  # type: ignore[misc]
    """gRPC's NOT_FOUND."""


class Unimplemented(_Quiet, pa.ArrowNotImplementedError):  # type: ignore[misc]
    """gRPC's UNIMPLEMENTED."""


class ResourceExhausted(_Quiet, pa.ArrowMemoryError):  # type: ignore[misc]
    """gRPC's RESOURCE_EXHAUSTED."""


_FLIGHT: dict[ErrorKind, type[Exception]] = {
    ErrorKind.PARSE: InvalidArgument,
    ErrorKind.PLAN: InvalidArgument,
    ErrorKind.VALIDATION: InvalidArgument,
    ErrorKind.FUNCTION: InvalidArgument,
    ErrorKind.CONFLICT: InvalidArgument,
    ErrorKind.NOT_FOUND: NotFound,
    ErrorKind.UNSUPPORTED_OPERATION: Unimplemented,
    ErrorKind.PERMISSION: flight.FlightUnauthorizedError,
    ErrorKind.UNAUTHENTICATED: flight.FlightUnauthenticatedError,
    ErrorKind.CANCELED: flight.FlightCancelledError,
    ErrorKind.OUT_OF_MEMORY: ResourceExhausted,
    ErrorKind.CONNECTION: flight.FlightUnavailableError,
    ErrorKind.RESOURCE: flight.FlightUnavailableError,
    ErrorKind.CONCURRENT_MODIFICATION: flight.FlightUnavailableError,
}


def to_flight(error: DremioError) -> Exception:
    """Return the error that tells a Flight client the same."""
    kind: type[Exception] = _FLIGHT.get(error.kind, flight.FlightInternalError)
    return kind(str(error))


@contextmanager
def translated() -> Iterator[None]:
    """Turn DremioErrors from the block into Flight's, and what nobody expected into INTERNAL."""
    try:
        yield
    except DremioError as error:
        raise to_flight(error) from None
    except (flight.FlightError, InvalidArgument, NotFound, Unimplemented, ResourceExhausted):
        raise
    except Exception as error:
        _log.exception("a Flight call failed")
        raise flight.FlightInternalError("internal error; the server's log says more") from error
