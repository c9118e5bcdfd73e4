"""Builds what a reflection holds: all of it, or only what was appended to its table."""

from __future__ import annotations

import datetime
import logging
from dataclasses import replace

import duckdb

from services.dremio.state.catalog.entities import key
from services.dremio.state.core import Core
from services.dremio.state.database import literal, quoted
from services.dremio.state.errors import validation
from services.dremio.state.reflections import partitions, sources
from services.dremio.state.reflections.contents import EXACT, Layout, layout, measure
from services.dremio.state.reflections.dataset import (
    Dataset,
    open_dataset,
    over,
    pinned,
    plain_columns,
    tables_in,
)
from services.dremio.state.reflections.definition import Reflection
from services.dremio.state.reflections.join_keys import join_of
from services.dremio.state.reflections.materialization import Contents, Materialization
from services.dremio.state.reflections.partitions import Changed
from services.dremio.state.reflections.sources import Now
from services.dremio.state.reflections.storage import Segments

_MOST_SEGMENTS = 8
_log = logging.getLogger(__name__)


def dataset_columns(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return the columns of DuckDB's SQL with their types. Raises DremioError (VALIDATION)."""
    relation = cursor.sql(sql)
    names = [name.lower() for name in relation.columns]
    if len(set(names)) != len(names):
        raise validation("A dataset with two columns of one name cannot be reflected")
    return {n: str(t) for n, t in zip(relation.columns, relation.types, strict=True)}


def is_current(former: Materialization, reflection: Reflection, dataset: Dataset) -> bool:
    """Whether nothing has changed since a materialization was built."""
    contents = former.contents
    states = {key(s.path): s for s in contents.sources}
    return (
        contents.tag == reflection.tag
        and contents.relations == dataset.relations
        and contents.views == dataset.views
        and states == {k: now.source for k, now in dataset.tables.items()}
    )


def needs_build(core: Core, reflection: Reflection, former: Materialization) -> bool:
    """Whether anything a reflection was built from has changed. Raises DremioError."""
    cursor = core.database.cursor()
    try:
        return not is_current(former, reflection, open_dataset(core, cursor, reflection.dataset))
    finally:
        cursor.close()


def build(
    core: Core,
    segments: Segments,
    reflection: Reflection,
    former: Materialization | None,
    new_id: str,
) -> Materialization | None:
    """Build a reflection as of now; None when `former` is that already. Raises DremioError."""
    started = datetime.datetime.now(datetime.UTC)
    cursor = core.database.cursor()
    made: list[str] = []
    try:
        dataset = open_dataset(core, cursor, reflection.dataset)
        if former is not None and is_current(former, reflection, dataset):
            return None
        done, decision = None, "no former build"
        if former is not None:
            try:
                done, decision = _changed(cursor, segments, reflection, former, dataset, made)
            except (duckdb.Error, LookupError, TypeError, ValueError) as error:
                # Metadata of a writer not met before: reading everything is always right.
                decision = f"what changed could not be told: {error}"
        method = "INCREMENTAL"
        if done is None:
            method, decision = "FULL", f"Full refresh: {decision}"
            done = _whole(cursor, segments, reflection, dataset, made)
            _check_unmoved(core, dataset)
        rows = sum(_count(cursor, segments, s) for s in done.segments)
        return Materialization(
            id=new_id,
            reflection_id=reflection.id,
            contents=done,
            rows=rows,
            size=segments.size(done.segments),
            created_at=started,
            finished_at=datetime.datetime.now(datetime.UTC),
            method=method,
            decision=decision,
        )
    except BaseException:
        for segment in made:
            segments.drop(segment)
        raise
    finally:
        cursor.close()


def tail_rows(now: Now, dataset_types: dict[str, str], files: tuple[str, ...]) -> str | None:
    """Return DuckDB's SQL that reads a table's columns from data files, by their field ids."""
    ids = sources.columns(now.metadata)
    if ids is None or {name.lower() for name in dataset_types} != set(ids):
        return None
    fields = ", ".join(
        f"{ids[name.lower()]}: {{name: {literal(name)}, type: {literal(kind)}, "
        "default_value: NULL}"
        for name, kind in dataset_types.items()
    )
    listed = ", ".join(literal(file) for file in files)
    outputs = ", ".join(quoted(name) for name in dataset_types)
    return f"SELECT {outputs} FROM read_parquet([{listed}], schema = MAP {{{fields}}})"  # noqa: S608


def _whole(
    cursor: duckdb.DuckDBPyConnection,
    segments: Segments,
    reflection: Reflection,
    dataset: Dataset,
    made: list[str],
) -> Contents:
    rows = pinned(dataset)
    types = dataset_columns(cursor, rows)
    plan = layout(reflection, types)
    segment = _fill(cursor, segments, plan, plan.fill(rows), made)
    items, removable = join_of(cursor, dataset)
    return Contents(
        tag=reflection.tag,
        dataset=tuple(types.items()),
        columns=tuple(plan.outputs),
        relations=dataset.relations,
        views=dataset.views,
        sources=tuple(now.source for now in dataset.tables.values()),
        segments=(segment,),
        averages=_averages(cursor, segments, plan, (segment,)),
        skipped=plan.skipped,
        linear=dataset.linear,
        joins=items,
        removable=removable,
        engine=duckdb.__version__ if plan.sketches else "",
    )


def _changed(
    cursor: duckdb.DuckDBPyConnection,
    segments: Segments,
    reflection: Reflection,
    former: Materialization,
    dataset: Dataset,
    made: list[str],
) -> tuple[Contents | None, str]:
    """Build from the rows that changed alone; None and why when that cannot be."""
    before = former.contents
    if before.tag != reflection.tag:
        return None, "the reflection's definition changed"
    if before.views != dataset.views or before.relations != dataset.relations:
        return None, "the dataset's query changed"
    if not dataset.linear or not before.linear or len(before.sources) != 1:
        return None, "the dataset's query is more than a filter over one table"
    types = dataset_columns(cursor, pinned(dataset))
    if tuple(types.items()) != before.dataset:
        return None, "the columns are of kinds that are only read whole"
    plan = layout(reflection, types)
    (now,) = dataset.tables.values()
    tail, why = sources.appended(cursor, before.sources[0], now)
    if tail is not None:
        return _grown(cursor, segments, plan, before, dataset, tail.files, made)
    found, also = partitions.changed(cursor, before.sources[0], now)
    if found is None:
        return None, f"{why}; {also}"
    return _replaced(cursor, segments, plan, before, dataset, found, made)


def _grown(
    cursor: duckdb.DuckDBPyConnection,
    segments: Segments,
    plan: Layout,
    before: Contents,
    dataset: Dataset,
    files: tuple[str, ...],
    made: list[str],
) -> tuple[Contents | None, str]:
    (now,) = dataset.tables.values()
    rows = tail_sql(cursor, dataset, now, files)
    if rows is None:
        return None, "the columns are of kinds that are only read whole"
    kept = before.segments
    if files:
        sql = plan.fill(rows)
        if len(kept) + 1 >= _MOST_SEGMENTS:
            sql = plan.merged(f"{_union(segments, kept)} UNION ALL ({sql})")
            kept = ()
        kept = (*kept, _fill(cursor, segments, plan, sql, made))
    averages = _averages(cursor, segments, plan, kept)
    grown = replace(before, sources=(now.source,), segments=kept, averages=averages)
    return grown, "Rows were only appended: they alone were read"


def _replaced(
    cursor: duckdb.DuckDBPyConnection,
    segments: Segments,
    plan: Layout,
    before: Contents,
    dataset: Dataset,
    found: Changed,
    made: list[str],
) -> tuple[Contents | None, str]:
    (now,) = dataset.tables.values()
    kinds = dict(before.dataset)
    shown = plain_columns(dataset, kinds)
    own: dict[str, str] = {}
    for field in found.fields:
        name = shown.get(field.column)
        column = plan.column_of(name) if name is not None else None
        if name is None or column is None:
            return None, f"the reflection does not keep the partitions' column {field.column}"
        own[field.column] = column
    types = {column: kinds[shown[column]] for column in own}
    stale = partitions.condition(found, lambda c: quoted(own[c]), types)
    fresh = partitions.condition(found, lambda c: quoted(shown[c]), types)
    rows = f"SELECT * FROM ({pinned(dataset)}) AS p WHERE {fresh}"  # noqa: S608 - quoted
    outputs = ", ".join(quoted(name) for name in plan.outputs)
    sql = (
        f"SELECT {outputs} FROM ({_union(segments, before.segments)}) AS u "  # noqa: S608 - quoted
        f"WHERE NOT {stale} UNION ALL ({plan.fill(rows)})"
    )
    kept = (_fill(cursor, segments, plan, sql, made),)
    averages = _averages(cursor, segments, plan, kept)
    done = replace(before, sources=(now.source,), segments=kept, averages=averages)
    return done, f"Only partitions that changed were read ({len(found.values)})"


def _union(segments: Segments, names: tuple[str, ...]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {segments.name(s)}" for s in names)  # noqa: S608


def tail_sql(
    cursor: duckdb.DuckDBPyConnection, dataset: Dataset, now: Now, files: tuple[str, ...]
) -> str | None:
    """Return DuckDB's SQL of a linear dataset over some of its table's data files."""
    if not files:
        return pinned(dataset) + " LIMIT 0"
    table = tables_in(dataset.tree)[0].copy()
    table.set("alias", None)
    name = table.sql("duckdb")
    types = dataset_columns(cursor, f"SELECT * FROM {name}")  # noqa: S608 - quoted
    rows = tail_rows(now, types, files)
    return None if rows is None else over(dataset, rows)


def _fill(
    cursor: duckdb.DuckDBPyConnection,
    segments: Segments,
    plan: Layout,
    sql: str,
    made: list[str],
) -> str:
    segment = segments.new()
    made.append(segment)
    name = segments.name(segment)
    try:
        cursor.execute(f"CREATE TABLE {name} AS {plan.stored(sql, narrow=True)}")
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        if not plan.narrow:
            raise
        cursor.execute(f"CREATE TABLE {name} AS {plan.stored(sql, narrow=False)}")
    return segment


def _check_unmoved(core: Core, dataset: Dataset) -> None:
    """A table without a snapshot cannot be pinned: it must still have none."""
    for now in dataset.tables.values():
        if now.source.snapshot == 0:
            again = sources.read(core.catalog, now.source.path)
            if again is None or again.source != now.source:
                raise validation(f"'{'.'.join(now.source.path)}' changed while it was read")


def _averages(
    cursor: duckdb.DuckDBPyConnection, segments: Segments, plan: Layout, names: tuple[str, ...]
) -> dict[str, int]:
    """Return the columns whose sums are small enough for AVG to come out the same to the bit."""
    fine: dict[str, int] = {}
    for column, scale in plan.averages.items():
        own = quoted(measure(column, "avg"))
        total = 0.0
        for segment in names:
            found = cursor.execute(
                f"SELECT SUM(ABS({own})) FROM {segments.name(segment)}"  # noqa: S608 - quoted
            ).fetchone()
            total += float(found[0] or 0.0) if found else 0.0
        if total < EXACT:
            fine[column] = scale
    return fine


def _count(cursor: duckdb.DuckDBPyConnection, segments: Segments, segment: str) -> int:
    found = cursor.execute(f"SELECT COUNT(*) FROM {segments.name(segment)}").fetchone()  # noqa: S608
    return int(found[0]) if found else 0
