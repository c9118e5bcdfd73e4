"""TO_CHAR, TO_DATE, TO_TIME, TO_TIMESTAMP, TO_NUMBER, UNIX_TIMESTAMP and time zones."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from services.dremio.sql.functions.columns import each
from services.dremio.sql.functions.formats import (
    ABBREVIATION,
    ELEMENTS,
    OFFSET,
    format_number,
    is_number_format,
    strptime_format,
    tokens,
)
from services.dremio.sql.functions.registry import (
    Context,
    Family,
    Udf,
    arity,
    function_error,
    literal,
    macro,
    text,
)
from services.dremio.sql.functions.zones import offsets_literal, zone_offset

# Elements that strftime does not have, taken from a timestamp.
_COMPUTED = {
    "d": "_CHAR_D", "ww": "_CHAR_WW", "cc": "_CHAR_CC", "f": "_CHAR_F", "ff": "_CHAR_FF",
    "ad": "_CHAR_AD", "bc": "_CHAR_AD", "tzd": "_CHAR_TZD", "tzo": "_CHAR_TZO",
    "tzh:tzm": "_CHAR_TZO",
}  # fmt: skip


def _written_format(node: exp.Expr | None, function: str) -> str:
    written = literal(node)
    if written is None:
        raise function_error(f"{function}: the format has to be a string literal")
    return written


def _to_char(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, pattern = arity(node, 2)
    written = _written_format(pattern, "TO_CHAR")
    if is_number_format(written):
        return macro("_NUMBER_CHAR", value, text(written))
    moment, pieces, run = macro("_TS", value), [], ""
    for kind, piece in tokens(written):
        directive = ELEMENTS[piece] if kind == "element" else piece.replace("%", "%%")
        if directive is not None:
            run += directive
            continue
        if run:
            pieces.append(macro("_STRFTIME", moment.copy(), text(run)))
            run = ""
        pieces.append(macro(_COMPUTED[piece], moment.copy()))
    if run or not pieces:
        pieces.append(macro("_STRFTIME", moment, text(run)))
    result: exp.Expr = pieces[0]
    for piece_node in pieces[1:]:
        result = exp.DPipe(this=result, expression=piece_node)
    return exp.Paren(this=result) if len(pieces) > 1 else result


def _readable(value: exp.Expr, written: str) -> tuple[exp.Expr, exp.Expr]:
    """Return what to read and strptime's format: a zone's abbreviation read as its offset."""
    pattern = strptime_format(written)
    if pattern.endswith(ABBREVIATION):
        return macro("_ZONE_AS_OFFSET", value), text(pattern.removesuffix(ABBREVIATION) + OFFSET)
    if ABBREVIATION in pattern:
        raise function_error(f"the format element 'TZD' is read at the end only: {written}")
    return value, text(pattern)


def _reader(kind: str) -> Any:
    def handler(node: exp.Anonymous, context: Context) -> exp.Expr:
        value, *rest = arity(node, 1, 3)
        if not rest:
            return macro(f"_TO_{kind}", value)
        value, pattern = _readable(value, _written_format(rest[0], f"TO_{kind}"))
        lenient = len(rest) == 2 and rest[1].name not in ("", "0")
        return macro(f"_{kind}_{'TRY' if lenient else 'READ'}", value, pattern)

    return handler


def _to_number(node: exp.Anonymous, context: Context) -> exp.Expr:
    value, pattern = arity(node, 2)
    return macro("_CHAR_NUMBER", value, pattern)


def _unix_timestamp(node: exp.Anonymous, context: Context) -> exp.Expr:
    value = arity(node, 0, 2)
    if not value:
        return macro("_EPOCH", macro("NOW"))
    if len(value) == 1:
        return macro("_EPOCH", macro("_TS", value[0]))
    moment, pattern = _readable(value[0], _written_format(value[1], "UNIX_TIMESTAMP"))
    return macro("_EPOCH", macro("_TIMESTAMP_READ", moment, pattern))


def _fixed(zone: exp.Expr) -> float | None:
    written = literal(zone)
    try:
        return zone_offset(written) if written is not None else None
    except ValueError as wrong:
        raise function_error(str(wrong)) from wrong


def _in_utc(moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    offset = _fixed(zone)
    if offset is None:
        return macro("_ZONE_TO_UTC", moment, zone)
    return macro("_SHIFT_HOURS", moment, exp.Literal.number(-offset))


def _in_zone(moment: exp.Expr, zone: exp.Expr) -> exp.Expr:
    offset = _fixed(zone)
    if offset is None:
        return macro("_UTC_TO_ZONE", moment, zone)
    return macro("_SHIFT_HOURS", moment, exp.Literal.number(offset))


def _convert_timezone(node: exp.Anonymous, context: Context) -> exp.Expr:
    """CONVERT_TIMEZONE([from,] to, moment): from UTC unless told."""
    *zones, moment = arity(node, 2, 3)
    value: exp.Expr = macro("_TS", moment)
    if len(zones) == 2:
        value = _in_utc(value, zones[0])
    return _in_zone(value, zones[-1])


def _number_char(values: Any, patterns: Any) -> pa.Array:
    return each(lambda v, p: format_number(Decimal(v), p), pa.string(), values, patterns)


def _char_number(values: Any, patterns: Any) -> pa.Array:
    """Read a number; digits behind the format's last place are rounded away."""

    def read(value: str, pattern: str) -> float:
        body = value.strip()
        for symbol in re.sub(r"[#0.,E]", "", pattern):
            body = body.replace(symbol, "")
        if "," in pattern:
            body = body.replace(",", "")
        number = Decimal(body)
        places = len(pattern.partition(".")[2].rstrip("%"))
        percent = 100 if "%" in pattern else 1
        return float(round(number, places) / percent)

    return each(read, pa.float64(), values, patterns)


def _conversions(kind: str) -> tuple[str, ...]:
    """Numbers are seconds since 1970; a time has no fraction of a second then."""
    whole = "CAST(date_trunc('second', {}) AS TIME)" if kind == "TIME" else f"CAST({{}} AS {kind})"
    plain = "CAST({} AS " + kind + ")"
    moments = {
        "BIGINT": whole.format("make_timestamp(a * 1000000)"),
        "DOUBLE": whole.format("make_timestamp(CAST(floor(a * 1000) AS BIGINT) * 1000)"),
        "VARCHAR": plain.format("a"),
        "DATE": plain.format("CAST(a AS TIMESTAMP)"),
        "TIME": plain.format("a") if kind == "TIME" else plain.format("DATE '1970-01-01' + a"),
        "TIMESTAMP": plain.format("a"),
        "": plain.format("CAST(a AS TIMESTAMP)"),
    }
    return tuple(f"(a {source}) AS {body}" for source, body in moments.items())


FAMILY = Family(
    title="Date and time: formats and zones",
    macros={
        "_STRFTIME": ("(a, f) AS strftime(a, f)",),
        "_CHAR_D": ("(a) AS CAST(dayofweek(a) + 1 AS VARCHAR)",),
        "_CHAR_WW": ("(a) AS lpad(CAST(week(a) AS VARCHAR), 2, '0')",),
        "_CHAR_CC": ("(a) AS CAST(year(a) // 100 AS VARCHAR)",),
        "_CHAR_F": ("(a) AS strftime(a, '%g')[1]",),
        "_CHAR_FF": ("(a) AS strftime(a, '%g')[1:2]",),
        "_CHAR_AD": ("(a) AS CASE WHEN year(a) > 0 THEN 'AD' ELSE 'BC' END",),
        "_CHAR_TZD": ("(a) AS 'UTC'",),
        "_CHAR_TZO": ("(a) AS '+00:00'",),
        "_NUMBER_CHAR": ("(a, f) AS _dremio_number_char(CAST(a AS VARCHAR), f)",),
        "_CHAR_NUMBER": ("(a, f) AS _dremio_char_number(CAST(a AS VARCHAR), f)",),
        **{f"_TO_{kind}": _conversions(kind) for kind in ("DATE", "TIME", "TIMESTAMP")},
        "_DATE_READ": ("(a, f) AS CAST(strptime(CAST(a AS VARCHAR), f) AS DATE)",),
        "_TIME_READ": ("(a, f) AS CAST(strptime(CAST(a AS VARCHAR), f) AS TIME)",),
        # With an offset in the text strptime gives the moment in the session's zone: UTC.
        "_TIMESTAMP_READ": ("(a, f) AS CAST(strptime(CAST(a AS VARCHAR), f) AS TIMESTAMP)",),
        "_DATE_TRY": ("(a, f) AS CAST(try_strptime(CAST(a AS VARCHAR), f) AS DATE)",),
        "_TIME_TRY": ("(a, f) AS CAST(try_strptime(CAST(a AS VARCHAR), f) AS TIME)",),
        "_TIMESTAMP_TRY": ("(a, f) AS CAST(try_strptime(CAST(a AS VARCHAR), f) AS TIMESTAMP)",),
        "_ZONE_AS_OFFSET": (
            "(a) AS regexp_replace(a, '[A-Za-z]+$', coalesce("
            f"{offsets_literal()}[upper(regexp_extract(a, '[A-Za-z]+$'))], '?'))",
        ),
        "_EPOCH": ("(a) AS CAST(floor(epoch(a)) AS BIGINT)",),
        "_ZONE_TO_UTC": ("(a, z) AS timezone('UTC', timezone(z, a))",),
        "_UTC_TO_ZONE": ("(a, z) AS timezone(z, timezone('UTC', a))",),
        "_SHIFT_HOURS": ("(a, h) AS a + to_seconds(h * 3600)",),
        "FORMAT_NUMBER": (
            "(a, b) AS CASE WHEN b < 0 THEN NULL ELSE "
            "format('{:,.' || CAST(b AS VARCHAR) || 'f}', CAST(a AS DOUBLE)) END",
        ),
    },
    handlers={
        "TO_CHAR": _to_char,
        "TO_DATE": _reader("DATE"),
        "TO_TIME": _reader("TIME"),
        "TO_TIMESTAMP": _reader("TIMESTAMP"),
        "TO_NUMBER": _to_number,
        "UNIX_TIMESTAMP": _unix_timestamp,
        "CONVERT_TIMEZONE": _convert_timezone,
    },
    udfs=(
        Udf("_dremio_number_char", ["VARCHAR", "VARCHAR"], "VARCHAR", _number_char),
        Udf("_dremio_char_number", ["VARCHAR", "VARCHAR"], "DOUBLE", _char_number),
    ),
)
