"""The exception tree. Every error says what was tried and what to set or do.

LakeletError
├── TransientError      retry may help: a server is starting, a network hiccup, a commit conflict
└── PermanentError      a retry never helps
    ├── ConfigError     a setting, file or definition is missing or wrong
    ├── NotFoundError   what was named does not exist
    └── RefusedError    understood, and not allowed (credentials, privileges, a port in use)

`exit_code` is what the `lakelet` command ends with when the error reaches it
(sysexits.h: 69 unavailable, 70 internal, 77 no permission, 78 configuration).
"""

from __future__ import annotations

from collections.abc import Sequence


class LakeletError(Exception):
    """Base of every error that Lakelet raises on purpose."""

    exit_code = 70


class TransientError(LakeletError):
    """A retry may help."""

    exit_code = 69


class PermanentError(LakeletError):
    """A retry never helps; something has to be changed first."""


class ConfigError(PermanentError):
    """A setting, a file or a definition is missing or wrong."""

    exit_code = 78


class NotFoundError(PermanentError):
    """What was named does not exist."""

    exit_code = 66


class RefusedError(PermanentError):
    """Understood, and not allowed."""

    exit_code = 77


def raise_together(failures: Sequence[LakeletError]) -> None:
    """Raise what went wrong side by side as one error of the first one's kind; nothing if none."""
    if len(failures) > 1:
        raise type(failures[0])("\n".join(map(str, failures))) from failures[0]
    if failures:
        raise failures[0]
