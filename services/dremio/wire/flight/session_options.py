"""Session options over Flight: the schema to look names up in, and the statements' time limit.

Source: Flight.proto's SetSessionOptions and GetSessionOptions. A value without any of its kinds
set takes the option back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.dremio.sql.tokens import Reader, tokenize
from services.dremio.state.errors import DremioError
from services.dremio.state.session import TIMEOUT_OPTION, Session
from services.dremio.state.system.tables import CATALOG
from services.dremio.wire.flight import messages

_KINDS = ("string_value", "bool_value", "int64_value", "double_value", "string_list_value")
# SetSessionOptionsResult.ErrorValue
_INVALID_NAME, _INVALID_VALUE = 1, 2


def set_options(session: Session, body: bytes) -> bytes:
    """Set the options of a SetSessionOptionsRequest; answer which could not be set."""
    request = messages.read("SetSessionOptionsRequest", body)
    errors = []
    for entry in request.session_options:
        setter = _SETTERS.get(entry.key.lower())
        problem = _INVALID_NAME if setter is None else 0
        if setter is not None:
            try:
                setter(session, _value(entry.value))
            except (ValueError, DremioError):
                problem = _INVALID_VALUE
        if problem:
            error = messages.new("SessionOptionError", value=problem)
            errors.append(messages.new("SessionOptionErrorEntry", key=entry.key, value=error))
    return bytes(messages.new("SetSessionOptionsResult", errors=errors).SerializeToString())


def get_options(session: Session) -> bytes:
    """Answer a GetSessionOptionsRequest: every option that is set."""
    entries = [_entry("catalog", string_value=CATALOG)]
    if session.context:
        entries.append(_entry("schema", string_value=".".join(session.context)))
    for name, value in session.options.items():
        if name == TIMEOUT_OPTION:
            entries.append(_entry(name, double_value=float(value)))
        else:
            entries.append(_entry(name, string_value=value))
    result = messages.new("GetSessionOptionsResult", session_options=entries)
    return bytes(result.SerializeToString())


def _schema(session: Session, value: Any) -> None:
    if isinstance(value, list):
        session.context = tuple(value)
    elif isinstance(value, str) and value:
        reader = Reader(value, tokenize(value))
        session.context = reader.path()
        reader.end()
    elif value in (None, ""):
        session.context = ()
    else:
        raise ValueError(value)


def _catalog(session: Session, value: Any) -> None:
    if value not in (None, "", CATALOG):
        raise ValueError(value)


def _timeout(session: Session, value: Any) -> None:
    if value in (None, ""):
        session.options.pop(TIMEOUT_OPTION, None)
        return
    if isinstance(value, bool) or not 0 < float(value) < 1e9:
        raise ValueError(value)
    session.options[TIMEOUT_OPTION] = str(value)


_SETTERS: dict[str, Callable[[Session, Any], None]] = {
    "schema": _schema,
    "catalog": _catalog,
    TIMEOUT_OPTION: _timeout,
}


def _value(message: Any) -> Any:
    for kind in _KINDS:
        if message.HasField(kind):
            value = getattr(message, kind)
            return list(value.values) if kind == "string_list_value" else value
    return None


def _entry(key: str, **value: Any) -> Any:
    return messages.new(
        "SessionOptionEntry", key=key, value=messages.new("SessionOptionValue", **value)
    )
