"""What a connector says beside rows and states: logs, errors, estimates, changed settings.

The messages are those of Airbyte's protocol (airbyte_protocol.yaml); counts and times in them may
be floats, and any field may be absent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.airbyte.cdk.failures import ConnectorError, FailureType

Json = dict[str, Any]

_LEVELS = {"FATAL": "ERROR", "WARN": "WARNING", "TRACE": "DEBUG"}
_KINDS: dict[str, FailureType] = {
    "config_error": "config_error",
    "system_error": "system_error",
    "transient_error": "transient_error",
}


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
            said = message.get("log") or {}
            level = str(said.get("level", "INFO"))
            text = "\n".join(str(said[k]) for k in ("message", "stack_trace") if said.get(k))
            self.log(text, _LEVELS.get(level, level))
        elif kind == "TRACE":
            self._trace(message.get("trace") or {})
        elif kind == "CONTROL":
            control = message.get("control") or {}
            config = (control.get("connectorConfig") or {}).get("config")
            if isinstance(config, dict):
                self.new_config(config)
                self.log("the connector has changed its configuration; it is stored", "INFO")

    def _trace(self, trace: Json) -> None:
        kind = trace.get("type")
        if kind == "ERROR":
            self._error(trace.get("error") or {})
        elif kind == "STREAM_STATUS":
            told = trace.get("stream_status") or {}
            descriptor, status = told.get("stream_descriptor") or {}, str(told.get("status"))
            self.status[stream_key(descriptor)] = status
            reasons = ", ".join(str(r.get("type")) for r in told.get("reasons") or ())
            self.log(
                f"stream {descriptor.get('name')}: {status}" + (f" ({reasons})" if reasons else ""),
                "INFO",
            )
        elif kind == "ESTIMATE":
            told = trace.get("estimate") or {}
            estimate = {
                "estimatedRecords": int(told.get("row_estimate") or 0),
                "estimatedBytes": int(told.get("byte_estimate") or 0),
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
            str(told.get("message") or "the connector failed without a word"),
            internal or None,
        )
        self.errors.append(error)
        if descriptor := told.get("stream_descriptor"):
            self.failed[stream_key(descriptor)] = error
        self.log(f"{error}" + (f"\n{internal}" if internal else ""), "ERROR")

    def failure(self) -> ConnectorError | None:
        """Return what to tell of its errors: the first that only the user can mend, else any."""
        for error in self.errors:
            if error.kind == "config_error":
                return error
        return self.errors[0] if self.errors else None
