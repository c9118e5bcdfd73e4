"""Errors a statement or request ends with, by Dremio's kinds.

The kinds are those of Dremio's `UserBitShared.DremioPBError.ErrorType`; a client sees the
kind's name in a job's error message and, over Flight, as a status code.
"""

from __future__ import annotations

import enum

from services.common.errors import PermanentError


class ErrorKind(enum.Enum):
    """Dremio's kinds of user error."""

    CONCURRENT_MODIFICATION = "CONCURRENT_MODIFICATION"
    CONNECTION = "CONNECTION"
    DATA_READ = "DATA_READ"
    DATA_WRITE = "DATA_WRITE"
    FUNCTION = "FUNCTION"
    PARSE = "PARSE"
    PERMISSION = "PERMISSION"
    PLAN = "PLAN"
    RESOURCE = "RESOURCE"
    SYSTEM = "SYSTEM"
    UNSUPPORTED_OPERATION = "UNSUPPORTED_OPERATION"
    VALIDATION = "VALIDATION"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    CANCELED = "CANCELED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"


class DremioError(PermanentError):
    """A statement or request that failed, with its kind and, maybe, where in the SQL.

    `NOT_FOUND`, `CONFLICT`, `UNAUTHENTICATED` and `CANCELED` are no kinds of Dremio's own job
    errors: they stand for what REST answers with 404, 409, 401 and the state CANCELED.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        more: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.more = more
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return self.message


def validation(message: str, more: str = "") -> DremioError:
    """Return the error for a statement that names or means something wrong."""
    return DremioError(ErrorKind.VALIDATION, message, more=more)


def unsupported(message: str, more: str = "") -> DremioError:
    """Return the error for a statement understood and not offered here."""
    return DremioError(ErrorKind.UNSUPPORTED_OPERATION, message, more=more)


def not_found(message: str) -> DremioError:
    """Return the error for an entity, job or path that is not there."""
    return DremioError(ErrorKind.NOT_FOUND, message)


def conflict(message: str) -> DremioError:
    """Return the error for an entity that exists already or has changed since it was read."""
    return DremioError(ErrorKind.CONFLICT, message)
