"""Which reflections would pay, told from the jobs that were run without one."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.parse import parse
from services.dremio.sql.reflections.match import NoMatchError, seen_in
from services.dremio.sql.reflections.rollup import is_aggregating
from services.dremio.sql.reflections.wanted import Rows, Sums, wanted_rows, wanted_sums
from services.dremio.sql.resolve import resolve
from services.dremio.sql.statements import Path, Query
from services.dremio.state.catalog.entities import key
from services.dremio.state.core import Core
from services.dremio.state.database import quoted
from services.dremio.state.errors import DremioError, not_found, validation
from services.dremio.state.execute.run import Run
from services.dremio.state.jobs.history import Job
from services.dremio.state.reflections.choose import fields
from services.dremio.state.reflections.dataset import DATASET, open_dataset, pinned
from services.dremio.state.reflections.definition import (
    AGGREGATION,
    RAW,
    Dimension,
    Measure,
    Reflection,
)
from services.dremio.state.reflections.registry import new_reflection
from services.dremio.state.session import Session, User

# What a statement takes whatever it reads (ms): no reflection makes it faster than that.
FIXED_MS = 5.0
_LEAST_FACTOR = 2.0
_MOST_JOBS = 100
_MOST = 10  # Dremio shows ten at a time
_MOST_SHARE = 0.5  # an aggregation with more rows than this share of its dataset's is left
_KINDS = {
    "sum": "SUM",
    "count": "COUNT",
    "min": "MIN",
    "max": "MAX",
    "distinct": "APPROX_COUNT_DISTINCT",
}
_NAMES = uuid.UUID("6a9e9a6b-1d4e-4f0e-9a53-0f9b1c6a7e11")


@dataclass(frozen=True)
class Recommendation:
    """A reflection and what it would have saved. `factor`: times faster, `saved_ms`: per job."""

    id: str
    reflection: Reflection
    jobs: tuple[str, ...]
    factor: float
    saved_ms: float

    @property
    def score(self) -> float:
        """Dremio's reflectionScore, 0 to 100: the share of the jobs' time that is saved."""
        return 100.0 * (1.0 - 1.0 / self.factor)


@dataclass
class _Need:
    """What a dataset's queries ask for in one way, and the jobs that did."""

    asked: Sums | Rows
    jobs: dict[str, float] = field(default_factory=dict)

    @property
    def time(self) -> float:
        return sum(self.jobs.values())


def recommend(core: Core, jobs: Iterable[Job]) -> list[Recommendation]:
    """Return the reflections that would have paid for these jobs, best first.

    Jobs that failed, that a reflection answers now, or that none could are passed over. Savings
    are estimates: rows that would be read instead, by each job's own time.
    """
    needs: dict[tuple[Path, str], list[_Need]] = defaultdict(list)
    by_text: dict[tuple[str, tuple[str, ...]], list[Job]] = defaultdict(list)
    for job in jobs:
        if job.state == "COMPLETED" and job.finished_at is not None:
            by_text[(job.sql, job.context)].append(job)
    cursor = core.database.cursor()
    try:
        for (sql, context), same in by_text.items():
            times = {job.id: _milliseconds(job) for job in same}
            for dataset, kind, asked in _asked(core, cursor, sql, context):
                own = needs[(dataset, kind)]
                there = next((n for n in own if n.asked == asked), None)
                if there is None:
                    there = _Need(asked)
                    own.append(there)
                there.jobs |= times
        found = [
            made
            for (dataset, kind), own in needs.items()
            for made in _for_dataset(core, cursor, dataset, kind, own)
        ]
    finally:
        cursor.close()
    found.sort(key=lambda r: r.saved_ms * len(r.jobs), reverse=True)
    return found[:_MOST]


def may_see(job: Job, user: User) -> bool:
    """Whether a person may be told of a job: its own, or anyone's for an administrator."""
    return user.admin or job.user == user.name


def jobs_of(core: Core, user: User, ids: list[str]) -> list[Job]:
    """Return the jobs of these ids. Raises DremioError: VALIDATION, NOT_FOUND."""
    if not 1 <= len(ids) <= _MOST_JOBS:
        raise validation(f"Expected 1 to {_MOST_JOBS} job ids")
    found = []
    for each in ids:
        job = core.history.get(each)
        if job is None or not may_see(job, user):
            raise not_found(f"Could not find a job with id [{each}]")
        found.append(job)
    return found


def _asked(
    core: Core, cursor: duckdb.DuckDBPyConnection, sql: str, context: Path
) -> Iterator[tuple[Path, str, Sums | Rows]]:
    try:
        statement = parse(sql)
        if not isinstance(statement, Query):
            return
        # As the engine itself: what a person may see is checked where recommendations are asked.
        session = Session(User("00000000-0000-0000-0000-000000000000", "$dremio$", admin=True))
        session.context = context
        run = Run(core, session, cursor)
        tree = resolve(statement.tree, context, run)
        if core.reflections.accelerate(run, tree) is not None:
            return
        for select in tree.find_all(exp.Select):
            yield from _of_select(core, select)
    except DremioError:
        return  # a table or view of that time is gone


def _of_select(core: Core, select: exp.Select) -> Iterator[tuple[Path, str, Sums | Rows]]:
    source = select.args.get("from_")
    if source is None:
        return
    if is_aggregating(select) and not select.args.get("joins"):
        best: tuple[Path, Sums] | None = None
        for seen in seen_in(source.this):  # the innermost: other queries share it most
            schema = fields(core, seen.path)
            columns = frozenset(f.name.lower() for f in schema)
            numbers = frozenset(f.name.lower() for f in schema if _is_exact(f.type))
            try:
                best = seen.path, wanted_sums(select, seen, columns, numbers)
            except NoMatchError:
                continue
        if best is not None:
            yield best[0], AGGREGATION, best[1]
            return
    for relation in (source.this, *(join.this for join in select.args.get("joins") or [])):
        path = (relation._meta or {}).get(DATASET)
        if path is None:
            continue
        columns = frozenset(f.name.lower() for f in fields(core, path))
        try:
            asked = wanted_rows(select, relation, columns)
        except NoMatchError:
            continue
        if asked.columns and (asked.filtered or isinstance(relation, exp.Subquery)):
            yield path, RAW, asked


def _for_dataset(
    core: Core, cursor: duckdb.DuckDBPyConnection, dataset: Path, kind: str, needs: list[_Need]
) -> Iterator[Recommendation]:
    try:
        sizes = _Sizes(core, cursor, dataset)
        for need in _merged(sizes, needs) if kind == AGGREGATION else _shared(needs):
            share = sizes.share(need.asked)
            if share > _MOST_SHARE:
                continue
            before = need.time / len(need.jobs)
            after = min(before, FIXED_MS + before * share)
            if before / after < _LEAST_FACTOR:
                continue
            number = str(uuid.uuid5(_NAMES, f"{key(dataset)} {_text(need.asked)}"))
            yield Recommendation(
                id=number,
                reflection=_reflection(dataset, number, need.asked, sizes.spelled),
                jobs=tuple(need.jobs),
                factor=before / after,
                saved_ms=before - after,
            )
    except (DremioError, duckdb.Error):
        return  # the dataset is gone, or cannot be reflected


def _text(asked: Sums | Rows) -> str:
    """Return what is asked for as text that is always the same."""
    return repr([sorted(map(repr, getattr(asked, name))) for name in vars(asked)])


class _Sizes:
    """How many rows a dataset has, and how many groups by some of its columns."""

    def __init__(self, core: Core, cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._cursor = cursor
        self._rows = pinned(open_dataset(core, cursor, path))
        self.spelled = {f.name.lower(): f.name for f in fields(core, path)}
        self._total = self._one("COUNT(*)")
        self._shares: dict[str, float] = {}

    def share(self, asked: Sums | Rows) -> float:
        """Return the share of the dataset's rows that a query would still read."""
        if isinstance(asked, Sums):
            by_day = [f"date_trunc('day', {self._column(n)})" for n in sorted(asked.days)]
            return self._groups([*map(self._column, sorted(asked.dimensions)), *by_day])
        # Sorted by the first filtered column, a query reads the rows of about one value; never
        # less than a row group. A view's stored rows save its joins: half is a cautious guess.
        if not asked.filtered:
            return 0.5
        values = self._groups([self._column(_first_filter(asked))]) * self._total
        return max(1.0 / max(values, 1.0), min(1.0, 122_880 / max(self._total, 1)) * 0.5)

    def _groups(self, columns: list[str]) -> float:
        if not columns:
            return 1.0 / max(self._total, 1)
        text = ", ".join(columns)
        if text not in self._shares:
            groups = self._one(f"APPROX_COUNT_DISTINCT(hash({text}))")
            self._shares[text] = min(1.0, groups / max(self._total, 1))
        return self._shares[text]

    def _column(self, name: str) -> str:
        return quoted(self.spelled[name])

    def _one(self, expression: str) -> int:
        sql = f"SELECT {expression} FROM ({self._rows}) AS d"  # noqa: S608 - quoted
        row = self._cursor.execute(sql).fetchone()
        return int(row[0]) if row else 0


def _first_filter(asked: Rows) -> str:
    """Return the column that a raw reflection is sorted by."""
    return min(asked.filtered)


def _merged(sizes: _Sizes, needs: list[_Need]) -> list[_Need]:
    """Put needs together where one aggregation that answers both is still small."""
    made: list[_Need] = []
    for need in sorted(needs, key=lambda n: n.time, reverse=True)[:20]:
        assert isinstance(need.asked, Sums)  # noqa: S101 - needs of one kind
        for other in made:
            assert isinstance(other.asked, Sums)  # noqa: S101 - needs of one kind
            both = other.asked.with_(need.asked)
            if sizes.share(both) <= max(0.02, sizes.share(other.asked)):
                other.asked = both
                other.jobs |= need.jobs
                break
        else:
            made.append(_Need(need.asked, dict(need.jobs)))
    return made


def _shared(needs: list[_Need]) -> list[_Need]:
    """Put needs of rows together that filter by the same column."""
    made: dict[str, _Need] = {}
    for need in needs:
        assert isinstance(need.asked, Rows)  # noqa: S101 - needs of one kind
        first = _first_filter(need.asked) if need.asked.filtered else ""
        other = made.setdefault(first, _Need(need.asked))
        assert isinstance(other.asked, Rows)  # noqa: S101 - needs of one kind
        filtered = frozenset({first} if first else ())
        other.asked = Rows(other.asked.columns | need.asked.columns, filtered)
        other.jobs |= need.jobs
    return list(made.values())


def _reflection(
    dataset: Path, number: str, asked: Sums | Rows, spelled: dict[str, str]
) -> Reflection:
    if isinstance(asked, Rows):
        return new_reflection(
            dataset,
            f"raw_{number}",
            RAW,
            display=tuple(spelled[n] for n in spelled if n in asked.columns),
            sort=(spelled[_first_filter(asked)],) if asked.filtered else (),
        )
    kinds: dict[str, list[str]] = defaultdict(list)
    for name, kind in sorted(asked.measures):
        kinds[name].append(_KINDS[kind])
    return new_reflection(
        dataset,
        f"agg_{number}",
        AGGREGATION,
        dimensions=(
            *(Dimension(spelled[n]) for n in sorted(asked.dimensions)),
            *(Dimension(spelled[n], date=True) for n in sorted(asked.days)),
        ),
        measures=tuple(Measure(spelled[n], tuple(own)) for n, own in sorted(kinds.items())),
    )


def _milliseconds(job: Job) -> float:
    assert job.finished_at is not None  # noqa: S101 - the caller looked
    return (job.finished_at - (job.started_at or job.submitted_at)).total_seconds() * 1000


def _is_exact(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))
