"""Moves a resolved query onto reflections where the answer stays the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from services.dremio.sql.reflections import raw
from services.dremio.sql.reflections.determinism import floating_sum, order_dependent
from services.dremio.sql.reflections.joins import folded
from services.dremio.sql.reflections.match import NoMatchError, Seen, seen_in
from services.dremio.sql.reflections.rollup import Kept, is_aggregating, rolled_up
from services.dremio.state.catalog.entities import Path, key
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.reflections.contents import ROWS, dim, layout, measure
from services.dremio.state.reflections.dataset import DATASET, pin, tables_in
from services.dremio.state.reflections.definition import AGGREGATION, Reflection
from services.dremio.state.reflections.freshness import Answer, Moment
from services.dremio.state.reflections.materialization import Materialization, Source
from services.dremio.state.reflections.sources import total_rows
from services.dremio.state.reflections.storage import Segments

CONSIDERED, MATCHED, CHOSEN = "CONSIDERED", "MATCHED", "CHOSEN"
_RANK = {CONSIDERED: 0, MATCHED: 1, CHOSEN: 2}


@dataclass(frozen=True)
class Candidate:
    """A reflection that is switched on, with what is built of it."""

    reflection: Reflection
    built: Materialization | None

    @property
    def cost(self) -> int:
        """How many values a full scan reads, as an estimate."""
        return self.built.rows * len(self.built.contents.columns) if self.built else 0


@dataclass
class Plan:
    """What became of a query: which reflections were considered, and why (not) chosen.

    `states`: the tables it looked at, as they were; while they stay so the plan stays the same,
    if it is `lasting`: not only right until a stated age.
    """

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    states: tuple[Source, ...] = ()
    lasting: bool = True

    def copy(self) -> Plan:
        """Return the plan for another run of its query."""
        entries = {own: dict(entry) for own, entry in self.entries.items()}
        return Plan(entries, self.stale, self.states, self.lasting)

    @property
    def chosen(self) -> bool:
        """Whether any reflection is used."""
        return any(entry["relationship"] == CHOSEN for entry in self.entries.values())

    def note(self, reflection: Reflection, relationship: str, why: str) -> None:
        """Record the best that is known of a reflection."""
        former = self.entries.get(reflection.id)
        if former is None or _RANK[relationship] > _RANK[former["relationship"]]:
            self.entries[reflection.id] = {
                "reflectionId": reflection.id,
                "reflectionName": reflection.name,
                "reflectionType": reflection.kind,
                "dataset": list(reflection.dataset),
                "relationship": relationship,
                "reason": why,
            }


@dataclass
class Index:
    """The candidates by the dataset they are on; `joins`: by the tables that their view joins."""

    of: dict[str, list[Candidate]] = field(default_factory=dict)
    joins: dict[str, list[Candidate]] = field(default_factory=dict)

    def add(self, candidate: Candidate) -> None:
        """Take a reflection that is switched on."""
        self.of.setdefault(key(candidate.reflection.dataset), []).append(candidate)
        if candidate.built is not None and candidate.built.contents.joins:
            for path in candidate.built.contents.relations[1:]:
                own = self.joins.setdefault(key(path), [])
                if candidate not in own:
                    own.append(candidate)

    def touched(self, tree: exp.Expr) -> list[Candidate]:
        """Return the candidates on any dataset the query reads, or on joins of them."""
        found: list[Candidate] = []
        for node in tree.walk():
            if isinstance(node, exp.Table | exp.Subquery) and node._meta:
                path = node._meta.get(DATASET)
                if path is not None:
                    own = (*self.of.get(key(path), ()), *self.joins.get(key(path), ()))
                    found += [c for c in own if c not in found]
        return found


class Planner:
    """Plans one statement."""

    def __init__(self, core: Core, cursor: Any, index: Index) -> None:
        self._index = index
        self._moment = Moment(core, cursor)
        self._used: set[str] = set()
        self.plan = Plan()

    def accelerate(self, tree: exp.Expression) -> exp.Expression:
        """Return the query with what reflections answer moved onto them (changed in place)."""
        candidates = self._index.touched(tree)
        for candidate in candidates:
            missing = "" if candidate.built else "it is not built yet"
            self.plan.note(candidate.reflection, CONSIDERED, missing)
        ordered = order_dependent(tree) or floating_sum(tree, _floating(candidates))
        if ordered:
            for candidate in candidates:
                self.plan.entries[candidate.reflection.id]["reason"] = (
                    f"the order of rows would show in the answer ({ordered})"
                )
            return tree
        holder = exp.Paren(this=tree)
        for select in list(holder.find_all(exp.Select, bfs=True)):
            if not _within(select, holder) or self._aggregated(select):
                continue
            if select.args.get("joins"):
                self._joined(select) or self._raw(select)
            else:
                self._raw(select) or self._joined(select)
        result: exp.Expression = holder.this
        result.parent = None
        self._pin(result)
        self.plan.states = tuple(n.source for n in self._moment.states.values() if n is not None)
        return result

    def _candidates(self, path: Path, kind: str) -> Iterable[Candidate]:
        found = [c for c in self._index.of.get(key(path), ()) if c.reflection.kind == kind]
        return sorted((c for c in found if c.built), key=lambda c: c.cost)

    def _aggregated(self, select: exp.Select) -> bool:
        source = select.args.get("from_")
        if source is None or select.args.get("joins") or not is_aggregating(select):
            return False
        best: tuple[int, exp.Select, Candidate, Answer, Seen] | None = None
        for seen in seen_in(source.this):
            for candidate in self._candidates(seen.path, AGGREGATION):
                try:
                    made = rolled_up(select, seen, _kept(candidate, averages=True))
                except NoMatchError as error:
                    self._note(candidate, CONSIDERED, str(error))
                    continue
                if best is not None and best[0] <= candidate.cost:
                    self._note(candidate, MATCHED, "another one costs less")
                    continue
                answer = self._ask(candidate, seen.node)
                if answer.fine and not self._is_worth(candidate):
                    answer = Answer(False, "it has nearly as many rows as its tables")
                if answer.fine and answer.tail is not None:
                    try:  # the appended rows' sums may be too large for exact averages
                        made = rolled_up(select, seen, _kept(candidate, averages=False))
                    except NoMatchError:
                        answer = Answer(False, "AVG with rows appended since", stale=True)
                if not answer.fine:
                    self._note(candidate, MATCHED, answer.why)
                    continue
                best = (candidate.cost, made, candidate, answer, seen)
        if best is None:
            return False
        _, made, candidate, answer, _ = best
        made.set("from_", exp.From(this=_rows(candidate, answer, source.this, None)))
        select.replace(made)
        self._choose(candidate, answer)
        return True

    def _joined(self, select: exp.Select) -> bool:
        """Try the views that join what this query joins, or more."""
        source = select.args.get("from_")
        if source is None:
            return False
        seen: set[str] = set()
        for relation in (source.this, *(j.this for j in select.args.get("joins") or [])):
            path = (relation._meta or {}).get(DATASET)
            for candidate in self._index.joins.get(key(path), ()) if path is not None else ():
                dataset = key(candidate.reflection.dataset)
                if dataset in seen:
                    continue
                seen.add(dataset)
                if self._as_view(select, candidate):
                    return True
        return False

    def _as_view(self, select: exp.Select, candidate: Candidate) -> bool:
        """Try a query as one over the view that a candidate is on."""
        assert candidate.built is not None  # noqa: S101 - only built ones know their joins
        contents = candidate.built.contents
        columns = {alias: frozenset(names) for alias, names in contents.joins.items()}
        try:
            view = self._moment.view(candidate.built.id, candidate.reflection.dataset)
            for query in folded(select, view, columns, frozenset(contents.removable)):
                holder = exp.Paren(this=query)
                if self._aggregated(query) or self._raw(query):
                    select.replace(holder.this)
                    return True
        except NoMatchError as error:
            self._note(candidate, CONSIDERED, str(error))
        return False

    def _raw(self, select: exp.Select) -> bool:
        chosen = False
        source = select.args.get("from_")
        relations = [source.this] if source is not None else []
        relations += [join.this for join in select.args.get("joins") or []]
        for relation in relations:
            path = (relation._meta or {}).get(DATASET)
            if path is None:
                continue
            filtered = raw.filtered_by(select)
            candidates = list(self._candidates(path, "RAW"))
            candidates.sort(key=lambda c: c.cost / (10 if _leads(c, filtered) else 1))
            done = False
            for candidate in candidates:
                assert candidate.built is not None  # noqa: S101 - _candidates keeps built ones
                contents = candidate.built.contents
                every = frozenset(name.lower() for name, _ in contents.dataset)
                kept = frozenset(name.lower() for name in contents.columns)
                try:
                    raw.check(select, relation, every, kept)
                except NoMatchError as error:
                    self._note(candidate, CONSIDERED, str(error))
                    continue
                if done:
                    self._note(candidate, MATCHED, "another one costs less")
                    continue
                answer = self._ask(candidate, relation)
                if not answer.fine:
                    self._note(candidate, MATCHED, answer.why)
                    continue
                relation.replace(_rows(candidate, answer, relation, contents.columns))
                self._choose(candidate, answer)
                chosen = done = True
        return chosen

    def _is_worth(self, candidate: Candidate) -> bool:
        """Whether an aggregation has clearly fewer rows than what it was made of."""
        assert candidate.built is not None  # noqa: S101 - _candidates keeps built ones
        rows = 0
        for source in candidate.built.contents.sources:
            now = self._moment.state(source.path)
            rows = max(rows, total_rows(now) if now is not None else 0)
        return candidate.built.rows <= max(1000, rows // 2)

    def _ask(self, candidate: Candidate, node: exp.Expr) -> Answer:
        assert candidate.built is not None  # noqa: S101 - _candidates keeps built ones
        answer = self._moment.ask(candidate.reflection, candidate.built, node)
        if answer.stale:
            self.plan.stale.add(candidate.reflection.id)
        if answer.ages:
            self.plan.lasting = False
        return answer

    def _choose(self, candidate: Candidate, answer: Answer) -> None:
        assert candidate.built is not None  # noqa: S101 - _candidates keeps built ones
        self._note(candidate, CHOSEN, answer.why or "it is current")
        if not candidate.reflection.policy.staleness:
            self._used |= {key(source.path) for source in candidate.built.contents.sources}

    def _note(self, candidate: Candidate, relationship: str, why: str) -> None:
        self.plan.note(candidate.reflection, relationship, why)
        entry = self.plan.entries[candidate.reflection.id]
        if entry["relationship"] == relationship:
            entry["reason"] = why

    def _pin(self, tree: exp.Expression) -> None:
        """What is still read of a table that a reflection stands for is read as of that state."""
        if not self._used:
            return
        for table in tables_in(tree):
            own = key(table.meta[DATASET])
            now = self._moment.states.get(own)
            if own in self._used and now is not None and not table.args.get("version"):
                pin(table, now.source.snapshot)


def _floating(candidates: list[Candidate]) -> frozenset[str]:
    """Return the names of FLOAT and DOUBLE columns, and of those that may hold such values."""
    return frozenset(
        name.lower()
        for candidate in candidates
        if candidate.built is not None
        for name, kind in candidate.built.contents.dataset
        if any(word in kind for word in ("FLOAT", "DOUBLE"))
    )


def _within(node: exp.Expr, root: exp.Expr) -> bool:
    at: exp.Expr | None = node
    while at is not None and at is not root:
        at = at.parent
    return at is root


def _leads(candidate: Candidate, filtered: set[str]) -> bool:
    order = candidate.reflection.order
    return bool(order) and order[0].lower() in filtered


def _kept(candidate: Candidate, *, averages: bool) -> Kept:
    """Return what an aggregation reflection holds, as the matcher asks for it."""
    assert candidate.built is not None  # noqa: S101 - _candidates keeps built ones
    contents = candidate.built.contents
    types = {name.lower(): kind for name, kind in contents.dataset}
    plain: dict[str, str] = {}
    by_day: dict[str, str] = {}
    for dimension in candidate.reflection.dimensions:
        name = dimension.name.lower()
        kind = types.get(name, "")
        if kind in ("FLOAT", "DOUBLE"):
            continue  # 0.0 and -0.0 are one group, shown as either
        own = by_day if dimension.date and kind.startswith("TIMESTAMP") else plain
        own[name] = dim(name)
    measures = {
        (name, what): measure(name, what)
        for name in types
        for what in ("sum", "count", "min", "max", "avg", "distinct")
        if measure(name, what) in contents.columns
    }
    return Kept(
        columns=frozenset(types),
        dimensions=plain,
        days=by_day,
        measures=measures,
        rows=ROWS,
        scales=contents.averages if averages else {},
        reasons={name.lower(): why for name, why in contents.skipped.items()},
    )


def _rows(
    candidate: Candidate, answer: Answer, former: exp.Expr, columns: tuple[str, ...] | None
) -> exp.Expr:
    """Return the FROM item that stands for the reflection's rows, under the former's name."""
    built = candidate.built
    assert built is not None  # noqa: S101 - _candidates keeps built ones
    outputs = ", ".join(quoted(name) for name in columns or built.contents.columns)
    parts = [
        f"SELECT {outputs} FROM {Segments.name(s)}"  # noqa: S608 - quoted
        for s in built.contents.segments
    ]
    if answer.tail is not None:
        plan = layout(candidate.reflection, dict(built.contents.dataset))
        parts.append(f"SELECT {outputs} FROM ({plan.fill(answer.tail)}) AS t")  # noqa: S608
    alias = former.args.get("alias")
    return exp.Subquery(
        this=exp.Var(this=" UNION ALL ".join(parts)),
        alias=alias.copy() if alias is not None else None,
        joins=former.args.get("joins"),
    )
