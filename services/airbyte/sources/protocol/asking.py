"""The short operations of a protocol connector: spec, check, discover."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.airbyte.cdk.catalog import Stream
from services.airbyte.cdk.failures import ConnectorError, config_error
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.protocol.advice import advised
from services.airbyte.sources.protocol.commands import command_line, hand_over, private_folder
from services.airbyte.sources.protocol.launch import Launch
from services.airbyte.sources.protocol.messages import Listener, own_fields
from services.airbyte.sources.protocol.process import Child
from services.airbyte.sources.protocol.schema import columns

Json = dict[str, Any]

# The protocol's names → the Config API's.
_FIELDS = {
    "name": "name",
    "namespace": "namespace",
    "json_schema": "jsonSchema",
    "supported_sync_modes": "supportedSyncModes",
    "source_defined_cursor": "sourceDefinedCursor",
    "default_cursor_field": "defaultCursorField",
    "source_defined_primary_key": "sourceDefinedPrimaryKey",
    "is_resumable": "isResumable",
}


@dataclass(frozen=True)
class ProtocolStream(Stream):
    """A stream with the connector's own words for it."""

    told: Json | None = None

    def as_json(self) -> Json:
        """Return the connector's words, in the Config API's names."""
        told = self.told or {}
        return {name: told[key] for key, name in _FIELDS.items() if told.get(key) is not None}


def listener(env: Environment) -> Listener:
    """Return a listener that writes into the attempt's log."""
    return Listener(log=env.log, new_config=env.config_changed)


def finished(child: Child, heard: Listener, what: str) -> None:
    """Wait for the connector's end. Raises ConnectorError when it failed."""
    code = child.exit_code()
    if failure := heard.failure():
        raise failure
    if code:
        words = child.last_words[-1] if child.last_words else "it said nothing"
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        if code == -signal.SIGKILL:
            how += " (is the machine out of memory?)"
        raise ConnectorError("source", "system_error", f"{what} ended {how}: {words}")


def ask(launch: Launch, operation: str, config: Json | None, env: Environment) -> Json:
    """Run the connector once and return the message that answers `operation`."""
    answers = {"spec": "SPEC", "check": "CONNECTION_STATUS", "discover": "CATALOG"}
    wanted, heard = answers[operation], listener(env)
    with private_folder(env.folder) as folder:
        argv = command_line(launch, env.folder, folder, operation, env.log)
        if config is not None:
            argv += ["--config", str(hand_over(folder, "config", own_fields(config)))]
        where = Path(launch.folder) if launch.folder else folder
        answer: Json | None = None
        with Child(argv, where, env.silence, env.log) as child:
            for lines in child.batches():
                for line in lines:
                    message = _parsed(line, env)
                    if message.get("type") == wanted:
                        answer, child.done = message, True
                    else:
                        heard.hear(message)
            if answer is None:
                finished(child, heard, launch.label)
                raise config_error(
                    f"{launch.label} did not answer {operation} with a {wanted} message: it does"
                    " not speak Airbyte's protocol"
                )
            return answer


def _parsed(line: bytes, env: Environment) -> Json:
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict):
        return message
    if text := line.decode(errors="replace").strip():
        env.log(text[:10_000])
    return {}


def specification(launch: Launch, env: Environment) -> Json:
    """Return the connector's specification in the Config API's names. Raises ConnectorError."""
    if launch.kind == "manifest":
        told = (launch.manifest or {}).get("spec") or {}
        schema = told.get("connection_specification")
        if not isinstance(schema, dict):
            raise config_error("the manifest has no spec with a connection_specification; add one")
        address = told.get("documentation_url")
    else:
        told = ask(launch, "spec", None, env).get("spec") or {}
        schema, address = told.get("connectionSpecification"), told.get("documentationUrl")
        if not isinstance(schema, dict):
            raise config_error(f"{launch.label} gave a specification without fields")
    return {"connectionSpecification": schema, "documentationUrl": address or ""}


def check(launch: Launch, config: Json, env: Environment) -> None:
    """Return when the connector says that the configuration works. Raises ConnectorError."""
    told = ask(launch, "check", config, env).get("connectionStatus") or {}
    if told.get("status") != "SUCCEEDED":
        words = str(told.get("message") or "the connector refused the configuration")
        raise config_error(advised(words))


def discover(launch: Launch, config: Json, env: Environment) -> list[ProtocolStream]:
    """Return the connector's streams. Raises ConnectorError."""
    told = ask(launch, "discover", config, env).get("catalog") or {}
    return [
        ProtocolStream(
            name=str(stream["name"]),
            namespace=stream.get("namespace"),
            columns=columns(stream.get("json_schema") or {}),
            told=stream,
        )
        for stream in told.get("streams") or ()
    ]
