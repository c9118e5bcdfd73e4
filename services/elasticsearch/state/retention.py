"""Retention: a policy's delete phase and a data stream's `data_retention`, applied by age."""

from __future__ import annotations

import logging
import re
from typing import Any

from services.elasticsearch.errors import illegal_argument
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.streams import Streams

_TIME = re.compile(r"(\d+)(nanos|micros|ms|s|m|h|d)$")
_SECONDS = {
    "nanos": 1e-9,
    "micros": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
# What a phase may do here: the rest of ILM's actions move shards that do not exist.
_ACTIONS = frozenset({"delete", "rollover", "set_priority", "readonly"})

log = logging.getLogger(__name__)


def seconds(text: Any, name: str = "value") -> float:
    """Return a time value such as `7d` in seconds. Raises illegal_argument_exception."""
    if str(text) in ("0", "-1"):
        return float(text)
    found = _TIME.match(str(text))
    if not found:
        raise illegal_argument(
            f"failed to parse setting [{name}] with value [{text}] as a time value: unit is "
            "missing or unrecognized"
        )
    return int(found[1]) * _SECONDS[found[2]]


def check_policy(policy: dict[str, Any]) -> None:
    """Raise illegal_argument_exception for a policy that this store cannot follow."""
    for phase, body in policy.get("phases", {}).items():
        if phase not in ("hot", "warm", "cold", "frozen", "delete"):
            raise illegal_argument(f"Timeseries lifecycle does not support phase [{phase}]")
        seconds(body.get("min_age", "0ms"), "min_age")
        for action in body.get("actions", {}):
            if action not in _ACTIONS:
                raise illegal_argument(
                    f"the action [{action}] of phase [{phase}] is not supported by this embedded "
                    f"log store; it has {sorted(_ACTIONS)}"
                )


class Retention:
    """Drops and rolls over indices as their policies say."""

    def __init__(self, catalog: Catalog, indices: Indices, streams: Streams) -> None:
        self._catalog, self._indices, self._streams = catalog, indices, streams

    @property
    def stopped(self) -> bool:
        """Whether policies rest (`_ilm/stop`); kept over a restart."""
        return bool(self._catalog.thing("switch", "ilm_stopped"))

    @stopped.setter
    def stopped(self, stopped: bool) -> None:
        self._catalog.save_thing("switch", "ilm_stopped", stopped)

    def policy_of(self, index: Index) -> dict[str, Any] | None:
        """Return the lifecycle policy that `index.lifecycle.name` names."""
        name = index.settings.get("lifecycle.name")
        policy: dict[str, Any] | None = (
            self._catalog.thing("ilm_policy", str(name)) if name else None
        )
        return policy

    def apply(self) -> list[str]:
        """Drop what has outlived its retention; return the names of the dropped indices."""
        dropped = []
        for index in list(self._catalog.indices.values()):
            kept_for = self._kept_for(index)
            if kept_for is None or (now_millis() - index.created) / 1000 < kept_for:
                continue
            if index.data_stream:
                stream = self._streams.get(index.data_stream)
                if stream["indices"][-1] == index.name:
                    self._streams.rollover(index.data_stream)
            self._indices.delete([index])
            if index.data_stream:
                self._streams.forget_backing(index.data_stream, index.name)
            dropped.append(index.name)
            log.info("dropped index %s: older than its policy keeps it", index.name)
        return dropped

    def _kept_for(self, index: Index) -> float | None:
        if index.data_stream:
            lifecycle = self._streams.get(index.data_stream).get("lifecycle") or {}
            if lifecycle.get("data_retention") and lifecycle.get("enabled", True):
                return seconds(lifecycle["data_retention"])
        policy = self.policy_of(index)
        if policy is None or self.stopped:
            return None
        delete = policy.get("policy", {}).get("phases", {}).get("delete")
        return seconds(delete.get("min_age", "0ms")) if delete else None
