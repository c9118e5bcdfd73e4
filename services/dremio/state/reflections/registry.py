"""All reflections of the process: defined, built, offered to the planner, kept fresh."""

from __future__ import annotations

import datetime
import logging
import threading
import uuid
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
from psycopg_pool import ConnectionPool
from sqlglot import exp

from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.errors import DremioError, ErrorKind, conflict, not_found, validation
from services.dremio.state.options import REFLECTIONS_OPTION
from services.dremio.state.reflections.definition import Policy, Reflection
from services.dremio.state.reflections.materialization import Materialization
from services.dremio.state.reflections.plans import KeptPlan, Plans
from services.dremio.state.reflections.storage import Segments
from services.dremio.state.reflections.store import Store

if TYPE_CHECKING:
    from services.dremio.state.core import Core
    from services.dremio.state.execute.run import Run
    from services.dremio.state.reflections.planner import Index, Plan
    from services.dremio.state.reflections.refresher import Refresher

_JOBS_KEPT = 2000
_log = logging.getLogger(__name__)


class Reflections:
    """Definitions and what is built of them. Safe to use from many threads.

    `start` must have been called before anything is built; with no reflection defined nothing
    runs and a query costs one look at an empty dictionary.
    """

    def __init__(self, pool: ConnectionPool, database: duckdb.DuckDBPyConnection) -> None:
        self.store = Store(pool)
        self.segments = Segments(database)
        self._lock = threading.RLock()
        self._defined = {r.id: r for r in self.store.reflections()}
        self._built: dict[str, Materialization] = {}
        self._jobs: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._core: Core | None = None
        self.refresher: Refresher | None = None
        self._recover()
        self._index: Index | None = None
        self._reindex()
        self.plans = Plans()

    def start(self, core: Core) -> None:
        """Begin to keep the reflections fresh."""
        from services.dremio.state.reflections.refresher import Refresher

        self._core = core
        self.refresher = Refresher(core, self)
        self.refresher.start()

    def stop(self) -> None:
        """End what runs in the background; a build that runs is interrupted and leaves nothing."""
        if self.refresher is not None:
            self.refresher.stop()

    # What queries ask

    @property
    def offered(self) -> object:
        """What the planner is offered now: another object after every change."""
        return self._index

    def again(self, run: Run, kept: KeptPlan) -> None:
        """Say that a query ran by a plan that was kept."""
        run.acceleration = kept.plan.copy()
        run.reads.update(dict.fromkeys(kept.reads))
        self._told(kept.plan)

    def accelerate(self, run: Run, tree: exp.Expression) -> exp.Expression | None:
        """Return a resolved query moved onto reflections, None when none of them is used.

        `tree` stays as it is. What was considered is left in `run.acceleration`.
        """
        index = self._index
        if index is None or self._core is None:
            return None
        if self._core.options.value(REFLECTIONS_OPTION, run.session) == "false" or _refused(tree):
            return None
        from services.dremio.state.reflections.planner import Planner

        if not index.touched(tree):
            return None
        planner = Planner(self._core, run.cursor, index)
        try:
            moved = planner.accelerate(tree.copy())
        except Exception:  # noqa: BLE001 - a query never fails for want of a reflection
            _log.exception("reflections could not be planned")
            return None
        run.acceleration = planner.plan
        self._told(planner.plan)
        return moved if planner.plan.chosen else None

    def _told(self, plan: Plan) -> None:
        if plan.stale and self.refresher is not None:
            self.refresher.changed()

    def gave_up(self, run: Run, error: DremioError) -> None:
        """Record that a query moved onto reflections failed and is run as it was written."""
        _log.warning("the query is run without reflections: %s", error)
        if run.acceleration is not None:
            for entry in run.acceleration.entries.values():
                if entry["relationship"] == "CHOSEN":
                    entry.update(relationship="MATCHED", reason="it could not be read")

    def committed(self) -> None:
        """Say that a statement has changed the catalog or a table."""
        if self._index is not None and self.refresher is not None:
            self.refresher.changed()

    def record(self, job_id: str, plan: Plan | None) -> None:
        """Keep what a job made of the reflections (written in the background)."""
        if plan is None or not plan.entries:
            return
        entries = list(plan.entries.values())
        with self._lock:
            self._jobs[job_id] = entries
            while len(self._jobs) > _JOBS_KEPT:
                self._jobs.popitem(last=False)
        if self.refresher is not None:
            self.refresher.record(job_id, entries)

    def of_job(self, job_id: str) -> list[dict[str, Any]]:
        """Return what a job made of the reflections."""
        return self._jobs.get(job_id) or self.store.job(job_id)

    # Definitions

    def all(self) -> list[Reflection]:
        """Return every definition, by dataset and name."""
        return sorted(self._defined.values(), key=lambda r: (key(r.dataset), r.name))

    def get(self, reflection_id: str) -> Reflection:
        """Return a definition. Raises DremioError (NOT_FOUND)."""
        found = self._defined.get(reflection_id)
        if found is None:
            raise not_found(f"Could not find reflection with id [{reflection_id}]")
        return found

    def of_dataset(self, dataset: Path) -> list[Reflection]:
        """Return the definitions on a dataset."""
        return [r for r in self.all() if key(r.dataset) == key(dataset)]

    def named(self, name: str, dataset: Path | None = None) -> Reflection:
        """Return the definition of a name. Raises DremioError (VALIDATION)."""
        found = [
            r
            for r in self.all()
            if r.name.lower() == name.lower()
            and (dataset is None or key(r.dataset) == key(dataset))
        ]
        if not found:
            where = f" on [{'.'.join(dataset)}]" if dataset else ""
            raise validation(f"Unable to find reflection [{name}]{where}")
        if len(found) > 1:
            raise validation(f"Several datasets have a reflection [{name}]: name the dataset")
        return found[0]

    def define(self, reflection: Reflection) -> Reflection:
        """Add a definition. Raises DremioError (CONFLICT, VALIDATION)."""
        self._check(reflection)
        with self._lock:
            for other in self.of_dataset(reflection.dataset):
                if other.name.lower() == reflection.name.lower():
                    raise conflict(
                        f"A reflection [{reflection.name}] exists already on "
                        f"[{'.'.join(reflection.dataset)}]"
                    )
            self._keep(reflection)
        return reflection

    def change(
        self, reflection: Reflection, *, tag: str | None = None, rebuild: bool = True
    ) -> Reflection:
        """Replace a definition; `rebuild`: what is built of it serves no more.

        Raises DremioError: CONFLICT when `tag` is not the current one.
        """
        if rebuild:
            self._check(reflection)
        with self._lock:
            current = self.get(reflection.id)
            if tag is not None and tag != current.tag:
                raise conflict(f"The reflection [{current.name}] has changed: tag [{tag}] is old")
            now = datetime.datetime.now(datetime.UTC)
            changed = replace(
                reflection, tag=str(uuid.uuid4()) if rebuild else current.tag, updated_at=now
            )
            self._keep(changed)
            if rebuild or not changed.enabled:
                self._retire(changed.id)
        return changed

    def remove(self, reflection: Reflection) -> None:
        """Remove a definition and what is built of it."""
        with self._lock:
            self.store.delete(reflection.id)
            self._defined.pop(reflection.id, None)
            former = self._built.pop(reflection.id, None)
            self._reindex()
            if former is not None:
                self.segments.retire(former.contents.segments)

    # Builds

    def built(self, reflection_id: str) -> Materialization | None:
        """Return what is built of a reflection and in use."""
        return self._built.get(reflection_id)

    def expires_at(self, reflection: Reflection) -> datetime.datetime | None:
        """Return when what is built of a reflection expires, None: never, or nothing is built."""
        built = self._built.get(reflection.id)
        if built is None or not reflection.policy.expires:
            return None
        since = built.finished_at
        if self.refresher is not None:
            since = max(since, self.refresher.state(reflection.id).current_at or since)
        return since + datetime.timedelta(seconds=reflection.policy.expires)

    def is_expired(self, reflection: Reflection) -> bool:
        """Whether what is built of a reflection has expired."""
        until = self.expires_at(reflection)
        return until is not None and until <= datetime.datetime.now(datetime.UTC)

    def install(self, built: Materialization) -> bool:
        """Put a finished build in use; False when its definition changed in the meantime."""
        with self._lock:
            current = self._defined.get(built.reflection_id)
            if current is None or current.tag != built.contents.tag or not current.enabled:
                return False
            self.store.finished(built)
            former = self._built.get(built.reflection_id)
            self._reindex({**self._built, built.reflection_id: built})
        if former is not None:
            kept = set(built.contents.segments)
            self.segments.retire(tuple(s for s in former.contents.segments if s not in kept))
        return True

    def _retire(self, reflection_id: str) -> None:
        self.store.retired(reflection_id)
        former = self._built.pop(reflection_id, None)
        self._reindex()
        if former is not None:
            self.segments.retire(former.contents.segments)

    def _keep(self, reflection: Reflection) -> None:
        self.store.save(reflection)
        self._defined[reflection.id] = reflection
        self._reindex()
        if self.refresher is not None:
            self.refresher.changed()

    def _reindex(self, built: dict[str, Materialization] | None = None) -> None:
        """Offer queries what is built, or will be told to be (`built`)."""
        from services.dremio.state.reflections.planner import Candidate, Index

        built = self._built if built is None else built
        index = Index()
        for reflection in self._defined.values():
            if reflection.enabled:
                index.add(Candidate(reflection, built.get(reflection.id)))
        self._index = index if index.of else None
        self._built = built  # last: what is told to be usable is used by the next query

    def _recover(self) -> None:
        """Put in use what records and file agree on; drop what no record speaks of."""
        there = self.segments.all()
        for built in self.store.current():
            segments = set(built.contents.segments)
            readable = built.contents.engine in ("", duckdb.__version__)
            if built.reflection_id in self._defined and segments <= there and readable:
                self._built[built.reflection_id] = built
                there -= segments
            else:
                self.store.retired(built.reflection_id)
        for segment in there:
            self.segments.drop(segment)

    def _check(self, reflection: Reflection) -> None:
        from services.dremio.state.reflections.build import dataset_columns
        from services.dremio.state.reflections.contents import layout
        from services.dremio.state.reflections.dataset import open_dataset, pinned

        if not reflection.name:
            raise validation("A reflection needs a name")
        if self._core is None:
            return
        cursor = self._core.database.cursor()
        try:
            dataset = open_dataset(self._core, cursor, reflection.dataset, ordered=False)
            layout(reflection, dataset_columns(cursor, pinned(dataset)))
        except duckdb.Error as error:
            raise DremioError(ErrorKind.VALIDATION, str(error)) from error
        finally:
            cursor.close()


def new_reflection(dataset: Path, name: str, kind: str, **values: Any) -> Reflection:
    """Return a fresh definition."""
    now = datetime.datetime.now(datetime.UTC)
    return Reflection(
        id=str(uuid.uuid4()),
        dataset=dataset,
        name=name,
        kind=kind,
        tag=str(uuid.uuid4()),
        created_at=now,
        updated_at=now,
        policy=values.pop("policy", Policy()),
        **values,
    )


def _refused(tree: exp.Expression) -> bool:
    """Whether the query itself asks for no reflections: `/*+ no_reflections */`."""
    hint = tree.args.get("hint")
    return hint is not None and any(
        each.name.lower() == "no_reflections" for each in hint.expressions
    )
