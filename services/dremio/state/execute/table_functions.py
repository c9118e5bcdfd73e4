"""Table functions in FROM: `TABLE(path (type => …))` and the like."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from services.dremio.sql.functions.registry import literal
from services.dremio.sql.resolve import Inline, Relation, View, candidates
from services.dremio.sql.statements import Path
from services.dremio.sql.tokens import Reader, tokenize
from services.dremio.sql.user_functions import call_path, expand_table
from services.dremio.state.access.access import denied
from services.dremio.state.access.actor import Actor
from services.dremio.state.access.names import may_read
from services.dremio.state.copy.refused import errors
from services.dremio.state.errors import unsupported
from services.dremio.state.execute.file_functions import FILES, files
from services.dremio.state.execute.history_functions import HISTORY, history
from services.dremio.state.execute.policies import check_owner
from services.dremio.state.execute.recommended import RECOMMEND, recommended
from services.dremio.state.execute.reflection_functions import (
    REFLECTION_FUNCTIONS,
    reflection_rows,
)
from services.dremio.state.execute.run import Run
from services.dremio.state.files import formats
from services.dremio.state.sources.nas import NasSource
from services.dremio.state.sources.relational import Relational
from services.dremio.state.sources.s3 import S3Source


def expand(run: Run, actor: Actor, call: exp.Func, context: Path) -> Relation | Path | None:
    """Return the path or rows that a call in FROM stands for, None when it is not known.

    `actor` is whose rights count: the user's, or those of the owner of the view it stands in.
    """
    if isinstance(call, exp.Anonymous) and call.name.upper() == "TABLE":
        if len(call.expressions) != 1:
            return None
        inner = call.expressions[0]
        return _inner(run, actor, inner, context)
    return None


def _inner(run: Run, actor: Actor, inner: exp.Expression, context: Path) -> Relation | Path | None:
    if isinstance(inner, exp.Anonymous) and inner.name.lower() in (*HISTORY, *FILES):
        argument = inner.expressions[0] if inner.expressions else None
        if not isinstance(argument, exp.Literal) or not argument.is_string:
            return None
        path = run.path_of(Reader(argument.name, tokenize(argument.name)).path())
        may_read(actor, path)
        if inner.name.lower() in FILES:
            check_owner(run, path, "listing its files and their bounds")
        maker = history if inner.name.lower() in HISTORY else files
        rows = maker(run, inner.name.lower(), path)
        return Inline((inner.name,), run.register(rows))
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == "copy_errors":
        texts = [literal(argument) for argument in inner.expressions]
        if texts and texts[0] and None not in texts and len(texts) <= 2:
            path = run.path_of(Reader(texts[0], tokenize(texts[0])).path())
            may_read(actor, path)
            check_owner(run, path, "reading its refused records")
            rows = errors(run.core, path, texts[1] if texts[1:] else None)
            return Inline((inner.name,), run.register(rows))
        return None
    user_function = _user_function(run, actor, inner, context)
    if user_function is not None:
        return user_function
    parts = _dotted(inner)
    if [part.lower() for part in parts or ()] == list(RECOMMEND):
        return Inline(RECOMMEND, run.register(recommended(run, inner)))
    if parts and len(parts) == 2 and parts[0].lower() == "sys":
        name = parts[1].lower()
        if name in REFLECTION_FUNCTIONS:
            return Inline(("sys", name), run.register(reflection_rows(run, name, inner)))
    if parts and parts[-1].lower() == "external_query":
        return _external(run, actor, parts[:-1], inner)
    if parts:
        return _formatted(run, actor, tuple(parts), inner, context) or tuple(parts)
    return None


def _user_function(run: Run, actor: Actor, inner: exp.Expression, context: Path) -> View | None:
    """Return the query that a call of a user's tabular function stands for."""
    path = call_path(inner)
    if path is None:
        return None
    call = inner.expression if isinstance(inner, exp.Dot) else inner
    for candidate in candidates(path, context):
        function = run.function_for(actor, candidate)
        if function is not None:
            query = expand_table(function, call.expressions)
            return View(function.path, query, function.context)
    return None


def _formatted(
    run: Run, actor: Actor, path: Path, inner: exp.Expression, context: Path
) -> Relation | None:
    """Read files in the format that `path (type => …)` gives; a table knows how it is stored."""
    call = inner.expression if isinstance(inner, exp.Dot) else inner
    options = {
        kwarg.this.name: kwarg.expression.this
        if isinstance(kwarg.expression, exp.Boolean)
        else kwarg.expression.name
        for kwarg in call.args.get("expressions") or []
        if isinstance(kwarg, exp.Kwarg)
    }
    if str(options.get("type", "iceberg")).lower() == "iceberg":
        return None
    for candidate in candidates(path, context):
        entity = run.core.catalog.source(candidate)
        source = run.core.sources.of(entity) if entity is not None else None
        if isinstance(source, S3Source | NasSource) and source.kind(candidate[1:]) is not None:
            may_read(actor, candidate)
            if isinstance(source, S3Source):
                source.readable(candidate[1:])
            below = source.promoted.spelled(candidate[1:])
            found = source.promoted.as_format(below, formats.given(options))
            return replace(found, path=candidate)
    return None


def _external(run: Run, actor: Actor, parts: list[str], call: exp.Expression) -> Relation | None:
    """Run a query in a database's own SQL: `TABLE(source.external_query('…'))`."""
    function = call.find(exp.Anonymous)
    arguments = function.expressions if function is not None else []
    entity = run.core.entities.get(tuple(parts))
    if entity is None or len(arguments) != 1 or not isinstance(arguments[0], exp.Literal):
        return None
    source = run.core.sources.of(entity) if entity.kind == "SOURCE" else None
    if not isinstance(source, Relational):
        raise unsupported(f"'{'.'.join(parts)}' takes no external_query: it is no database")
    if not actor.may("EXTERNAL_QUERY", entity.path):
        raise denied(
            f"User [{actor.name}] does not have the EXTERNAL QUERY privilege on [{entity.name}]"
        )
    rows = run.register(source.external_query(arguments[0].name))
    return Inline((*parts, "external_query"), rows)


def _dotted(node: exp.Expression) -> list[str] | None:
    if isinstance(node, exp.Dot):
        before = _dotted(node.this)
        return None if before is None else [*before, node.expression.name]
    if isinstance(node, exp.Column):
        return [part.name for part in node.parts]
    if isinstance(node, exp.Identifier | exp.Anonymous):
        return [node.name]
    return None
