"""States between a connector's STATE messages and what is stored with each stream.

STREAM states are stored as they are. GLOBAL (one shared part and one for each stream) and LEGACY
(one for the whole connector) belong to all streams of a sync at once: each stream then keeps its
own part and the shared one under the names below, written in the same commit as its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.shared_states import LEGACY, OWN, SHARED
from services.airbyte.sources.protocol.messages import fields, stream_key, whole_number

Json = dict[str, Any]


def incoming(message: Json, streams: Sequence[ConfiguredStream]) -> dict[str, Json | None]:
    """Return what each stream that a STATE message covers has to store, by the stream's key."""
    state = fields(message.get("state"))
    kind = state.get("type") or "LEGACY"
    if kind == "STREAM":
        told = fields(state.get("stream"))
        return {stream_key(fields(told.get("stream_descriptor"))): told.get("stream_state")}
    if kind == "GLOBAL":
        told = fields(state.get("global"))
        listed = told.get("stream_states")
        parts = {
            stream_key(fields(part.get("stream_descriptor"))): part.get("stream_state")
            for part in map(fields, listed if isinstance(listed, list) else ())
        }
        shared = told.get("shared_state")
        return {s.key: {SHARED: shared, OWN: parts.get(s.key)} for s in streams if s.incremental}
    if "data" not in state:
        return {}
    return {s.key: {LEGACY: state["data"]} for s in streams if s.incremental}


def is_shared(message: Json) -> bool:
    """Whether a STATE message covers all streams."""
    return (fields(message.get("state")).get("type") or "LEGACY") != "STREAM"


def record_count(message: Json) -> int | None:
    """Return how many records the connector says it sent since the state before this one."""
    stats = fields(fields(message.get("state")).get("sourceStats"))
    return whole_number(stats.get("recordCount"))


def outgoing(
    stored: dict[str, Json | None], streams: Sequence[ConfiguredStream]
) -> list[Json] | Json:
    """Return what to hand a connector as its `--state`, in the form that it once gave."""
    known = [(s, state) for s in streams if s.incremental and (state := stored.get(s.key))]
    legacy = [state[LEGACY] for _, state in known if LEGACY in state]
    if legacy:
        found: Json = legacy[-1] or {}
        return found
    shared = [(s, state) for s, state in known if SHARED in state]
    if not shared:
        return [_stream(s, state) for s, state in known]
    return [
        {
            "type": "GLOBAL",
            "global": {
                "shared_state": shared[-1][1][SHARED],
                "stream_states": [
                    {"stream_descriptor": s.descriptor, "stream_state": state[OWN]}
                    for s, state in shared
                    if state[OWN] is not None
                ],
            },
        }
    ]


def _stream(stream: ConfiguredStream, state: Json) -> Json:
    return {
        "type": "STREAM",
        "stream": {"stream_descriptor": stream.descriptor, "stream_state": state},
    }
