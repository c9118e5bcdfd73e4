"""CREATE VIEW: the query is stored as written, with the context its names are looked up in."""

from __future__ import annotations

import pyarrow as pa

from services.dremio.sql.resolve import resolve
from services.dremio.sql.statements import CreateView, Path
from services.dremio.state.catalog.catalog import pack_fields
from services.dremio.state.errors import validation
from services.dremio.state.execute.places import check_place
from services.dremio.state.execute.policies import from_the_start
from services.dremio.state.execute.run import Result, Run, ok


def create_view(run: Run, statement: CreateView) -> Result:
    """Store a view, after planning it once. Raises DremioError."""
    path = run.new_path(statement.path)
    dotted = ".".join(path)
    check_place(run, path)
    entities = run.core.entities
    former = entities.get(path)
    if former is not None:
        if former.kind != "VIEW":
            raise validation(f"A {former.kind.lower()} with given name [{dotted}] already exists")
        if statement.if_not_exists:
            return ok(f"View [{dotted}] already exists.")
        if not statement.replace:
            raise validation(f"A non-replaceable view [{dotted}] already exists.")
    body, schema = planned_view(run, path, statement)
    with from_the_start(run, path, schema, statement.policies):
        if former is None:
            entities.create(path, "VIEW", body)
        else:
            entities.update(former, {**former.body, **body})
    return ok(f"View '{dotted}' {'created' if former is None else 'replaced'} successfully")


def view_body(run: Run, path: Path, statement: CreateView) -> dict[str, object]:
    """Return what is stored of a view. Raises DremioError when its query is wrong."""
    return planned_view(run, path, statement)[0]


def planned_view(
    run: Run, path: Path, statement: CreateView
) -> tuple[dict[str, object], pa.Schema]:
    """Return what is stored of a view, and its columns. Raises DremioError."""
    context = run.session.context
    tree = resolve(statement.query.copy(), context, run, inside=(path,))
    schema = run.shape(run.translate(tree))
    columns = statement.columns
    if columns:
        if len(columns) != len(schema):
            raise validation(
                f"View's field list has {len(columns)} names, its query {len(schema)} columns"
            )
        schema = pa.schema([f.with_name(n) for f, n in zip(schema, columns, strict=True)])
    names = [field.name.lower() for field in schema]
    for name in names:
        if names.count(name) > 1:
            raise validation(f"Duplicate column name [{name}] in the view's query")
    body: dict[str, object] = {
        "sql": statement.text,
        "context": list(context),
        "columns": list(columns),
        "fields": pack_fields(schema),
    }
    return body, schema
