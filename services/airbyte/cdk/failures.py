"""What went wrong in a job, in Airbyte's terms: whose fault, what kind, what to do."""

from __future__ import annotations

import time
import traceback
from typing import Any, Literal

import duckdb

from services.common.errors import LakeletError, PermanentError, TransientError

Origin = Literal["source", "destination", "replication", "airbyte_platform"]
FailureType = Literal["config_error", "system_error", "transient_error", "manual_cancellation"]


class ConnectorError(LakeletError):
    """A failure with its origin and type; the message is shown to the user.

    `internal` is the underlying error's own text.
    """

    def __init__(
        self, origin: Origin, kind: FailureType, message: str, internal: str | None = None
    ) -> None:
        super().__init__(message)
        self.origin: Origin = origin
        self.kind: FailureType = kind
        self.internal = internal or message


def config_error(message: str, internal: str | None = None, *, at: Origin = "source") -> Exception:
    """Return an error that a retry never helps: something has to be set differently."""
    return ConnectorError(at, "config_error", message, internal)


def transient_error(
    message: str, internal: str | None = None, *, at: Origin = "source"
) -> Exception:
    """Return an error that a retry may help."""
    return ConnectorError(at, "transient_error", message, internal)


def of_destination(error: duckdb.Error) -> bool:
    """Whether an error that came while a source was read is the destination's: those name S3."""
    return "s3://" in str(error) or isinstance(error, duckdb.HTTPException)


def describe(
    error: BaseException, *, origin: Origin = "replication", stream: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the error as Airbyte's FailureReason; `origin` is used when it names none."""
    kind: FailureType = "system_error"
    message, internal = str(error) or type(error).__name__, f"{type(error).__name__}: {error}"
    if isinstance(error, ConnectorError):
        origin, kind, internal = error.origin, error.kind, error.internal
    elif isinstance(error, TransientError):
        kind = "transient_error"
    elif isinstance(error, PermanentError):
        kind = "config_error"
    reason: dict[str, Any] = {
        "failureOrigin": origin,
        "failureType": kind,
        "externalMessage": message,
        "internalMessage": internal,
        "stacktrace": "".join(traceback.format_exception(error)),
        "retryable": kind != "config_error",
        "timestamp": int(time.time() * 1000),
    }
    if stream is not None:
        reason["streamDescriptor"] = stream
    return reason
