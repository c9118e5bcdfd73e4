"""What a connector says beside rows and states: logs, errors, estimates, changed settings.

The messages are those of Airbyte's protocol (airbyte_protocol.yaml); counts and times in them may
be floats, and any field may be absent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.airbyte.cdk.failures import ConnectorError, FailureType
from services.airbyte.sources.protocol.advice import advised

Json = dict[str, Any]

_NO_COUNT = 2**63
# Fields of a configuration that airbyte-cdk reads a manifest and Python code from.
_INJECTED = "__injected_"
_LEVELS = {"FATAL": "ERROR", "WARN": "WARNING", "TRACE": "DEBUG"}
_KINDS: dict[str, FailureType] = {
    "config_error": "config_error",
    "system_error": "system_error",
    "transient_error": "transient_error",
}


def fields(value: Any) -> Json:
    """Return a part of a message that should be an object; none when it is something else."""
    return value if isinstance(value, dict) else {}


def own_fields(config: Json) -> Json:
    """Return a configuration without what airbyte-cdk would run, or has put there itself.

    Whoever may change a source's configuration could otherwise run what code he likes.
    """
    return {name: value for name, value in config.items() if not name.startswith(_INJECTED)}


def whole_number(value: Any) -> int | None:
    """Return a count, which may be a float; None for what is no number."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if known and abs(value) < _NO_COUNT else None


def stream_key(descriptor: Json) -> str:
    """Return the key of a stream (`ConfiguredStream.key`) that a message names."""
    return f"{descriptor.get('namespace') or ''}\x1f{descriptor.get('name')}"


@dataclass
class Listener:
    """Hears the messages that are neither records nor states.

    `log` takes text and level; `new_config` a configuration that the connector has changed.
    """

    log: Callable[[str, str], None]
    new_config: Callable[[Json], None]
    errors: list[ConnectorError] = field(default_factory=list)
    failed: dict[str, ConnectorError] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    estimates: dict[str, Json] = field(default_factory=dict)

    def hear(self, message: Json) -> None:
        """Act on a LOG, TRACE or CONTROL message; others are left alone."""
        kind = message.get("type")
        if kind == "LOG":
            said = fields(message.get("log")) or {"message": message.get("log")}
            level = str(said.get("level", "INFO"))
            text = "\n".join(str(said[k]) for k in ("message", "stack_trace") if said.get(k))
            self.log(text, _LEVELS.get(level, level))
        elif kind == "TRACE":
            self._trace(fields(message.get("trace")))
        elif kind == "CONTROL":
            control = fields(message.get("control"))
            config = fields(control.get("connectorConfig")).get("config")
            if isinstance(config, dict):
                self.new_config(own_fields(config))
                self.log("the connector has changed its configuration; it is stored", "INFO")

    def _trace(self, trace: Json) -> None:
        kind = trace.get("type")
        if kind == "ERROR":
            self._error(fields(trace.get("error")))
        elif kind == "STREAM_STATUS":
            told = fields(trace.get("stream_status"))
            descriptor, status = fields(told.get("stream_descriptor")), str(told.get("status"))
            self.status[stream_key(descriptor)] = status
            listed = told.get("reasons")
            reasons = ", ".join(
                str(fields(r).get("type")) for r in (listed if isinstance(listed, list) else ())
            )
            self.log(
                f"stream {descriptor.get('name')}: {status}" + (f" ({reasons})" if reasons else ""),
                "INFO",
            )
        elif kind == "ESTIMATE":
            told = fields(trace.get("estimate"))
            estimate = {
                "estimatedRecords": whole_number(told.get("row_estimate")) or 0,
                "estimatedBytes": whole_number(told.get("byte_estimate")) or 0,
            }
            self.estimates[stream_key(told)] = estimate
            self.log(
                f"{told.get('name')}: about {estimate['estimatedRecords']} records to come", "INFO"
            )

    def _error(self, told: Json) -> None:
        internal = "\n".join(
            str(told[k]) for k in ("internal_message", "stack_trace") if told.get(k)
        )
        error = ConnectorError(
            "source",
            _KINDS.get(str(told.get("failure_type")), "system_error"),
            advised(str(told.get("message") or "the connector failed without a word")),
            internal or None,
        )
        self.errors.append(error)
        if descriptor := fields(told.get("stream_descriptor")):
            self.failed[stream_key(descriptor)] = error
        self.log(f"{error}" + (f"\n{internal}" if internal else ""), "ERROR")

    def failure(self) -> ConnectorError | None:
        """Return what to tell of its errors: the first that only the user can mend, else any."""
        for error in self.errors:
            if error.kind == "config_error":
                return error
        return self.errors[0] if self.errors else None
