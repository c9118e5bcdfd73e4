"""Refusals of the APIs, beside the common error tree."""

from __future__ import annotations

from typing import Any

from services.common.errors import PermanentError, RefusedError


class InvalidInputError(PermanentError):
    """The request was understood and its content does not fit; `problems` is (path, message)."""

    def __init__(self, message: str, problems: list[tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


class ProblemError(PermanentError):
    """A refusal that both APIs tell as one of Airbyte's problems (api-problems.yaml)."""

    status = 400

    def __init__(self, message: str, *, kind: str, title: str, data: dict[str, Any]) -> None:
        super().__init__(message)
        self.kind, self.title, self.data = kind, title, data


class WrongMethodError(RefusedError):
    """The address exists and is asked in another way."""


class ConflictError(RefusedError):
    """Not possible in the present state, such as a sync while one is running."""


class SyncRunningError(RefusedError):
    """The state cannot be changed while a sync runs."""
