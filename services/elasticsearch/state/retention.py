"""Retention: lifecycle policies (rollover, readonly, delete) and a data stream's own retention.

A phase is entered when an index is as old as its `min_age`, counted from its rollover, else from
its making; an index whose policy rolls over stays in `hot` until it has been.
"""

from __future__ import annotations

import logging
from typing import Any

from services.elasticsearch.errors import RequestError, illegal_argument
from services.elasticsearch.state.catalog import Catalog, Index
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.indices import Indices
from services.elasticsearch.state.rollover import Rollover, due
from services.elasticsearch.state.streams import Streams

# What a phase may do here: the rest of ILM's actions move shards that do not exist. There are no
# segments to merge and no recovery to order by priority: those two ask for nothing.
_ACTIONS = frozenset({"delete", "rollover", "set_priority", "readonly", "forcemerge"})
_PHASES = ("hot", "warm", "cold", "frozen", "delete")

log = logging.getLogger(__name__)


def check_policy(policy: dict[str, Any]) -> None:
    """Raise illegal_argument_exception for a policy that this store cannot follow."""
    for phase, body in policy.get("phases", {}).items():
        if phase not in _PHASES:
            raise illegal_argument(f"Timeseries lifecycle does not support phase [{phase}]")
        seconds(body.get("min_age", "0ms"), "min_age")
        for action in body.get("actions", {}):
            if action not in _ACTIONS:
                raise illegal_argument(
                    f"the action [{action}] of phase [{phase}] is not supported by this embedded "
                    f"log store; it has {sorted(_ACTIONS)}"
                )
            if action == "rollover" and phase != "hot":
                raise illegal_argument(f"invalid action [rollover] defined in phase [{phase}]")


class Retention:
    """Rolls over, locks and drops indices as their policies say."""

    def __init__(
        self, catalog: Catalog, indices: Indices, streams: Streams, rollover: Rollover
    ) -> None:
        self._catalog, self._indices, self._streams = catalog, indices, streams
        self._rollover = rollover

    @property
    def stopped(self) -> bool:
        """Whether policies rest (`_ilm/stop`); kept over a restart."""
        return bool(self._catalog.thing("switch", "ilm_stopped"))

    @stopped.setter
    def stopped(self, stopped: bool) -> None:
        self._catalog.save_thing("switch", "ilm_stopped", stopped)

    def phases_of(self, index: Index) -> dict[str, dict[str, Any]]:
        """Return the phases of the policy that `index.lifecycle.name` names ({}: none)."""
        name = index.settings.get("lifecycle.name")
        policy = self._catalog.thing("ilm_policy", str(name)) if name else None
        phases: dict[str, dict[str, Any]] = (policy or {}).get("policy", {}).get("phases", {})
        return phases

    def age(self, index: Index) -> float:
        """Return the seconds since the index was rolled over, else since it was made."""
        return (now_millis() - (self._rolled(index) or index.created)) / 1000

    def phase(self, index: Index) -> str:
        """Return the phase that the index is in."""
        phases = self.phases_of(index)
        if _rolls(phases) and not self._rolled(index):
            return "hot"
        age = self.age(index)
        reached = [
            name
            for name in _PHASES
            if name in phases and age >= seconds(phases[name].get("min_age", "0ms"))
        ]
        return reached[-1] if reached else "new"

    def apply(self) -> list[str]:
        """Do what is due; return the names of the dropped indices.

        What cannot be done to one index is logged and does not keep the others from their turn.
        """
        dropped = []
        for index in list(self._catalog.indices.values()):
            try:
                if self._apply(index):
                    dropped.append(index.name)
            except RequestError as error:
                log.warning("the policy of index %s cannot be followed: %s", index.name, error)
        return dropped

    def _apply(self, index: Index) -> bool:
        if self._outlived(index):
            self._drop(index)
            return True
        phases = self.phases_of(index)
        if not phases or self.stopped:
            return False
        if _rolls(phases) and not self._rolled(index):
            self._roll(index, phases["hot"]["actions"]["rollover"])
            return False
        phase = self.phase(index)
        if phase == "delete":
            if "delete" in phases["delete"].get("actions", {"delete": {}}):
                self._drop(index)
                return True
        elif phase != "new":
            reached = _PHASES[: _PHASES.index(phase) + 1]
            locked = any("readonly" in phases.get(p, {}).get("actions", {}) for p in reached)
            if locked and str(index.settings.get("blocks.write", "false")) != "true":
                self._indices.put_settings(index.name, {"index.blocks.write": True})
                log.info("index %s takes no more documents: phase %s", index.name, phase)
        return False

    def _outlived(self, index: Index) -> bool:
        """Say whether a data stream's own retention is over for one of its indices."""
        if not index.data_stream:
            return False
        lifecycle = self._streams.get(index.data_stream).get("lifecycle") or {}
        kept = lifecycle.get("data_retention") if lifecycle.get("enabled", True) else None
        return bool(kept) and self.age(index) >= seconds(kept)

    def _roll(self, index: Index, wanted: dict[str, Any]) -> None:
        name = index.data_stream or index.settings.get("lifecycle.rollover_alias")
        if not name:
            raise illegal_argument(
                f"setting [index.lifecycle.rollover_alias] for index [{index.name}] is empty or "
                "not defined"
            )
        if self._rollover.current(name).name != index.name:
            return
        # As in Elasticsearch an empty index is not rolled over unless the policy says so.
        conditions = {"min_docs": 1, **wanted} if "min_docs" not in wanted else wanted
        if due(self._rollover.conditions(index, conditions)):
            old, new = self._rollover.roll(name)
            log.info("%s goes on in index %s after %s", name, new, old)

    def _rolled(self, index: Index) -> int | None:
        at = self._catalog.thing("rolled_over", index.name)
        # An index of the same name may have been there before this one.
        return int(at) if at is not None and at >= index.created else None

    def _drop(self, index: Index) -> None:
        if index.data_stream:
            stream = self._streams.get(index.data_stream)
            if stream["indices"][-1] == index.name:
                self._rollover.roll(index.data_stream)
        self._indices.delete([index])
        if index.data_stream:
            self._streams.forget_backing(index.data_stream, index.name)
        self._catalog.drop_thing("rolled_over", index.name)
        log.info("dropped index %s: older than its policy keeps it", index.name)


def _rolls(phases: dict[str, dict[str, Any]]) -> bool:
    return "rollover" in phases.get("hot", {}).get("actions", {})
