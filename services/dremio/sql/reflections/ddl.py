"""Reads the statements about reflections (Dremio's SQL reference: ALTER TABLE, Reflections)."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token

from services.dremio.sql.reflections.statements import (
    AlterReflection,
    CreateReflection,
    DropReflection,
    Ignored,
    RefreshReflections,
    SetAcceleration,
)
from services.dremio.sql.statements import Path, SetOption, Statement
from services.dremio.sql.tokens import Reader
from services.dremio.state.errors import unsupported

_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}
_FUNCTIONS = ("SUM", "COUNT", "MIN", "MAX", "AVG", "APPROX_COUNT_DISTINCT", "NDV")


def alter_dataset(reader: Reader, path: Path) -> Statement | None:
    """Read what follows ALTER TABLE path when it is about reflections, else None."""
    for verb in ("CREATE", "ADD"):
        for word, kind in (("RAW", "RAW"), ("AGGREGATE", "AGGREGATION")):
            if reader.accept(verb, word, "REFLECTION"):
                return _create(reader, path, kind)
        if reader.accept(verb, "EXTERNAL", "REFLECTION"):
            raise unsupported("External reflections are not supported: their answer is not checked")
    if reader.accept("DROP", "REFLECTION"):
        statement = DropReflection(reader.identifier(), path)
        reader.end()
        return statement
    for word, enabled in (("ENABLE", True), ("DISABLE", False)):
        for kind in ("RAW", "AGGREGATE", ""):
            if reader.accept(*[w for w in (word, kind, "ACCELERATION") if w]):
                reader.end()
                return SetAcceleration(path, kind.replace("AGGREGATE", "AGGREGATION"), enabled)
    if reader.accept("REFRESH", "REFLECTIONS"):
        reader.end()
        return RefreshReflections(path)
    if reader.accept("ROUTE", "REFLECTIONS"):
        return Ignored("Reflections are refreshed by this engine: there is one queue")
    return None


def alter_reflection(reader: Reader) -> Statement:
    """Read what follows ALTER REFLECTION. Raises DremioError."""
    name = reader.identifier()
    dataset = reader.path() if reader.accept("ON") else ()
    if reader.accept("REFRESH"):
        reader.end()
        return RefreshReflections(dataset, name)
    reader.expect("SET")
    statement = AlterReflection(name, dataset)
    if reader.accept("ENABLED"):
        reader.expect("=")
        statement.enabled = reader.accept_any("TRUE", "FALSE") == "TRUE"
    elif reader.accept("STALENESS"):
        reader.accept("=")
        statement.staleness = _duration(reader)
    elif reader.accept("EXPIRE"):
        if reader.accept("NEVER"):
            statement.expires = 0.0
        else:
            reader.expect("AFTER")
            statement.expires = _duration(reader)
    else:
        reader.expect("REFRESH")
        if reader.accept("EVERY"):
            statement.method, statement.period = "PERIOD", _duration(reader)
        elif reader.accept("NEVER"):
            statement.method = "NEVER"
        elif reader.accept("ON", "CHANGE"):
            statement.method = "CHANGE"
        elif reader.accept("CRON"):
            statement.method, statement.cron = "SCHEDULE", reader.string()
        else:
            raise reader.error("expected EVERY, ON CHANGE, CRON or NEVER")
    reader.end()
    return statement


def create(reader: Reader, if_not_exists: bool) -> Statement:
    """Read what follows CREATE REFLECTION, the short form. Raises DremioError."""
    name = reader.identifier()
    reader.expect("ON")
    path = reader.path()
    reader.accept("USING")
    raw = reader.word() in ("DISPLAY", "COLUMNS")
    statement = CreateReflection(path, name, "RAW" if raw else "AGGREGATION")
    statement.if_not_exists = if_not_exists
    return _clauses(reader, statement)


def drop(reader: Reader) -> Statement:
    """Read what follows DROP REFLECTION. Raises DremioError."""
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.identifier()
    dataset = reader.path() if reader.accept("ON") else ()
    reader.end()
    return DropReflection(name, dataset, if_exists)


def set_option(reader: Reader) -> Statement:
    """Read what follows SET: `reflections = on|off` alone. Raises DremioError."""
    if not reader.accept("REFLECTIONS"):
        raise reader.error("no option that SET knows; ALTER SESSION SET takes Dremio's")
    if not reader.accept("="):
        reader.accept("TO")
    value = reader.accept_any("ON", "OFF", "TRUE", "FALSE")
    if not value:
        raise reader.error("expected ON or OFF")
    reader.end()
    return SetOption("reflections", value.lower())


def _create(reader: Reader, path: Path, kind: str) -> Statement:
    statement = CreateReflection(path, reader.identifier(), kind)
    reader.expect("USING")
    return _clauses(reader, statement)


def _clauses(reader: Reader, statement: CreateReflection) -> Statement:
    while not reader.done:
        if reader.accept_any("DISPLAY", "COLUMNS"):
            statement.display = [_name(item, reader) for item in reader.group()]
        elif reader.accept("DIMENSIONS"):
            statement.dimensions = [_dimension(item, reader) for item in reader.group()]
        elif reader.accept("MEASURES"):
            for item in reader.group():
                _measure(item, reader, statement)
        elif reader.accept("ARROW", "CACHE"):
            statement.arrow_cache = True
        else:
            reader.accept_any("STRIPED", "CONSOLIDATED")
            if reader.accept("PARTITION", "BY"):
                statement.partition = [_partition(item, reader) for item in reader.group()]
            elif reader.accept("DISTRIBUTE", "BY"):
                statement.distribution = [_name(item, reader) for item in reader.group()]
            elif reader.accept("LOCALSORT", "BY"):
                statement.sort = [_name(item, reader) for item in reader.group()]
            else:
                raise reader.error("no clause of a reflection")
    if statement.kind == "RAW" and (statement.dimensions or statement.measures):
        raise reader.error("a raw reflection has DISPLAY columns alone")
    if statement.kind != "RAW" and statement.display:
        raise reader.error("an aggregation reflection has DIMENSIONS and MEASURES")
    return statement


def _name(item: list[Token], reader: Reader) -> str:
    inner = Reader(reader.sql, item)
    name = inner.identifier()
    inner.end()
    return name


def _dimension(item: list[Token], reader: Reader) -> tuple[str, bool]:
    inner = Reader(reader.sql, item)
    name = inner.identifier()
    by_day = inner.accept("BY", "DAY")
    inner.end()
    return name, by_day


def _partition(item: list[Token], reader: Reader) -> tuple[str, str]:
    """Read a column or `transform([n,] column)`; return the column and the transform as written."""
    inner = Reader(reader.sql, item)
    if len(item) == 1:
        return inner.identifier(), "IDENTITY"
    name = inner.identifier()
    parts = inner.group()
    inner.end()
    text = f"{name.upper()}({parts[0][0].text})" if len(parts) > 1 else name.upper()
    return parts[-1][0].text, text


def _measure(item: list[Token], reader: Reader, statement: CreateReflection) -> None:
    """Read `column (SUM, COUNT)`, `column`, or the short form's `SUM(column)`, `COUNT(*)`."""
    inner = Reader(reader.sql, item)
    if inner.word() in _FUNCTIONS and inner.word(1) == "(":
        function = inner.word()
        inner.at += 1
        argument = inner.group()
        inner.end()
        if argument and argument[0][0].text == "*":
            return  # rows are always counted
        name = _name(argument[0], reader)
        kind = "APPROX_COUNT_DISTINCT" if function == "NDV" else function
        for known, kinds in statement.measures:
            if known.lower() == name.lower():
                kinds.append(kind)
                return
        statement.measures.append((name, [kind]))
        return
    name = inner.identifier()
    kinds = []
    if inner.word() == "(":
        kinds = [" ".join(token.text.upper() for token in each) for each in inner.group()]
    inner.end()
    statement.measures.append((name, kinds))


def _duration(reader: Reader) -> float:
    token = reader.tokens[reader.at] if not reader.done else None
    if token is None or not token.text.isdigit():
        raise reader.error("expected a number")
    reader.at += 1
    unit = _SECONDS.get(reader.word().removesuffix("S"))
    if unit is None:
        raise reader.error("expected SECONDS, MINUTES, HOURS, DAYS or WEEKS")
    reader.at += 1
    return float(token.text) * unit
