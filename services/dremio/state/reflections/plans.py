"""Plans of queries that reflections answer, kept by the queries' text.

A dashboard asks the same again and again. What such a query comes down to is decided by its text,
who asks and where, the catalog, the grants, what is built, and the states of the tables it looked
at: while all of these are the same, so is the plan, and nothing is parsed or planned again. The
tables' states are read from the storage each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.reflections.determinism import volatile
from services.dremio.state.catalog.entities import Path
from services.dremio.state.errors import DremioError
from services.dremio.state.reflections import sources
from services.dremio.state.reflections.materialization import Source

if TYPE_CHECKING:
    from services.dremio.state.execute.run import Run
    from services.dremio.state.reflections.planner import Plan

_KEPT = 1000
_LONGEST = 20_000  # characters of a query
Versions = tuple[object, int, int, int, int]
"""What is built (by identity); the versions of catalog, grants, policies and options."""


@dataclass(frozen=True)
class KeptPlan:
    """What a query came down to.

    `sql` is DuckDB's; `states` are the tables' it is right for; `reads`: what the query names.
    """

    versions: Versions
    sql: str
    plan: Plan
    states: tuple[Source, ...]
    schema: pa.Schema
    reads: tuple[Path, ...]


class Plans:
    """The kept plans. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], KeptPlan] = OrderedDict()

    def find(self, run: Run) -> KeptPlan | None:
        """Return the plan of a statement's text if it is still right, after asking the storage."""
        found = self.ask(run)
        return found[0] if found is not None and found[1]() else None

    def ask(self, run: Run) -> tuple[KeptPlan, Callable[[], bool]] | None:
        """Return the plan of a statement's text, and what waits to hear if it is still right.

        The storage is asked when this returns; the plan may be run while it answers. What is
        returned must be called, once.
        """
        asked = _key(run)
        kept = self._kept.get(asked)
        if kept is None:
            return None
        if kept.versions != versions(run):
            self._drop(asked)
            return None
        try:
            answer = sources.ask_all(run.core.catalog, [source.path for source in kept.states])
        except DremioError:
            return None

        def is_right() -> bool:
            try:
                now = answer()
            except DremioError:
                return False
            if any(n is None or n.source != s for n, s in zip(now, kept.states, strict=True)):
                self._drop(asked)
                return False
            return True

        return kept, is_right

    def keep(
        self,
        run: Run,
        before: Versions,
        written: exp.Expr,
        moved: exp.Expr,
        sql: str,
        schema: pa.Schema,
    ) -> None:
        """Keep the plan of a query that was moved, unless something else decides it too.

        `before`: the versions before its names were looked up. `written`: the query as it was.
        """
        from services.dremio.state.reflections.dataset import DATASET

        plan = run.acceleration
        if plan is None or not plan.lasting or run.missed or run.guarded or not run.text:
            return
        if before != versions(run):
            return
        # Tables that are still read have names that change; some functions have other answers.
        if any(DATASET in (t._meta or ()) for t in moved.find_all(exp.Table)) or volatile(written):
            return
        if len(run.text) > _LONGEST:
            return
        kept = KeptPlan(before, sql, plan, plan.states, schema, tuple(run.reads))
        with self._lock:
            self._kept[_key(run)] = kept
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def forget(self, run: Run) -> None:
        """Forget the plan of a statement's text: it could not be run."""
        self._drop(_key(run))

    def _drop(self, asked: tuple[Any, ...]) -> None:
        with self._lock:
            self._kept.pop(asked, None)


def versions(run: Run) -> Versions:
    """Return what plans depend on beside the tables."""
    core = run.core
    return (
        core.reflections.offered,
        core.entities.version,
        core.access.version,
        core.policies.version,
        core.options.version,
    )


def _key(run: Run) -> tuple[Any, ...]:
    session = run.session
    return (run.text, session.user.id, session.context, tuple(sorted(session.options.items())))
