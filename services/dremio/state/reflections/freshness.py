"""Whether a materialization answers for this moment, told from its tables' metadata.

One statement asks through one `Moment`: every reflection it uses, and every table it still reads,
is taken as of the same snapshots.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import duckdb
from sqlglot import exp

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError
from services.dremio.state.reflections import sources
from services.dremio.state.reflections.build import dataset_columns, tail_sql
from services.dremio.state.reflections.dataset import (
    open_dataset,
    pinned,
    relations_in,
    resolved_view,
)
from services.dremio.state.reflections.definition import Reflection
from services.dremio.state.reflections.materialization import Contents, Materialization, Source
from services.dremio.state.reflections.sources import Now

_MOST_TAIL_FILES = 64
_TAILS: dict[tuple[str, int], str] = {}
_VIEWS: dict[str, exp.Subquery] = {}


@dataclass
class Answer:
    """Whether a materialization may answer; `tail`: DuckDB's SQL of rows it lacks.

    `ages`: the answer also depends on how much time has passed.
    """

    fine: bool
    why: str = ""
    tail: str | None = None
    stale: bool = False
    ages: bool = False


@dataclass
class Moment:
    """The tables' states as one statement has first seen them."""

    core: Core
    cursor: duckdb.DuckDBPyConnection
    states: dict[str, Now | None] = field(default_factory=dict)

    def state(self, path: Path) -> Now | None:
        """Return a table's state, read once."""
        own = key(path)
        if own not in self.states:
            self.states[own] = sources.read(self.core.catalog, path)
        return self.states[own]

    def view(self, built_id: str, path: Path) -> exp.Subquery:
        """Return a view as it stands in a query's FROM, resolved once per build.

        A view that changed since is noticed by its tag when `ask` looks. Raises DremioError.
        """
        found = _VIEWS.get(built_id)
        if found is None:
            if len(_VIEWS) > 500:
                _VIEWS.clear()
            found = _VIEWS[built_id] = resolved_view(self.core, self.cursor, path)
        return found

    def _read_together(self, paths: list[Path]) -> None:
        """Read several tables' states at the same time: each costs a round trip."""
        missing = {key(path): path for path in paths if key(path) not in self.states}
        if missing:
            found = sources.read_all(self.core.catalog, list(missing.values()))
            self.states.update(zip(missing, found, strict=True))

    def ask(self, reflection: Reflection, built: Materialization, node: exp.Expr) -> Answer:
        """Return whether `built` answers for the dataset that `node` stands for."""
        answer = self._ask(reflection, built, node)
        if reflection.policy.expires:
            answer.ages = True
        return answer

    def _ask(self, reflection: Reflection, built: Materialization, node: exp.Expr) -> Answer:
        contents = built.contents
        if self.core.reflections.is_expired(reflection):
            return Answer(False, "it has expired")
        if contents.tag != reflection.tag:
            return Answer(False, "its definition changed since it was built", stale=True)
        if [key(p) for p in relations_in(node)] != [key(p) for p in contents.relations]:
            return Answer(False, "the dataset's query now reads other tables", stale=True)
        for path, tag in contents.views.items():
            entity = self.core.entities.get(tuple(path.split("\x1f")))
            if entity is None or entity.tag != tag:
                return Answer(False, "a view under it changed", stale=True)
        try:
            return self._tables(reflection, built, contents)
        except (DremioError, duckdb.Error) as error:
            return Answer(False, f"its tables' state is not known: {error}")

    def _tables(self, reflection: Reflection, built: Materialization, contents: Contents) -> Answer:
        self._read_together([source.path for source in contents.sources])
        for before in contents.sources:
            now = self.state(before.path)
            if now is None or not before.same_table(now.source):
                return Answer(False, "a table was replaced or its columns changed", stale=True)
        changed = [
            (before, now)
            for before in contents.sources
            if (now := self.state(before.path)) and now.source.snapshot != before.snapshot
        ]
        if not changed:
            return Answer(True)
        allowed = reflection.policy.staleness
        if allowed and all(_age(before, now) <= allowed for before, now in changed):
            why = f"stale by at most the {allowed:g} s its policy allows"
            return Answer(True, why, ages=True)
        if not contents.linear or len(contents.sources) != 1:
            return Answer(False, "a table changed since it was built", stale=True)
        before, now = changed[0]
        tail = _TAILS.get((built.id, now.source.snapshot))
        if tail is None:
            found, why = sources.appended(self.cursor, before, now)
            if found is None:
                return Answer(False, f"a table changed since it was built: {why}", stale=True)
            if len(found.files) > _MOST_TAIL_FILES:
                return Answer(False, f"{len(found.files)} files were appended since", stale=True)
            tail = self._tail(reflection, contents, now, found.files)
            if tail is None:
                return Answer(False, "the appended rows cannot be read by themselves", stale=True)
            if len(_TAILS) > 500:
                _TAILS.clear()
            _TAILS[(built.id, now.source.snapshot)] = tail
        return Answer(True, "with the rows appended since", tail, stale=True)

    def _tail(
        self, reflection: Reflection, contents: Contents, now: Now, files: tuple[str, ...]
    ) -> str | None:
        dataset = open_dataset(self.core, self.cursor, reflection.dataset)
        if dataset.views != contents.views or dataset.relations != contents.relations:
            return None
        types = dataset_columns(self.cursor, pinned(dataset))
        if tuple(types.items()) != contents.dataset:
            return None
        return tail_sql(self.cursor, dataset, now, files)


def _age(before: Source, now: Now) -> float:
    since = sources.first_change_ms(before, now)
    return float("inf") if since is None else time.time() - since / 1000
