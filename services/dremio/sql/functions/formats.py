"""Dremio's date formats (`YYYY-MM-DD HH24:MI:SS.FFF`) and number formats (`#,##0.00`)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from services.dremio.sql.functions.registry import function_error

# Element → strftime/strptime's directive. D, CC, WW, F and FF have none that means the same.
ELEMENTS = {
    "yyyy": "%Y", "yy": "%y",
    "mm": "%m", "month": "%B", "mon": "%b",
    "ddd": "%j", "dd": "%d", "day": "%A", "dy": "%a", "d": None,
    "hh24": "%H", "hh12": "%I", "hh": "%I",
    "mi": "%M", "ss": "%S", "fff": "%g", "ff": None, "f": None,
    "am": "%p", "pm": "%p", "ampm": "%p",
    "ww": None, "cc": None, "ad": None, "bc": None,
    "tzd": None, "tzo": None, "tzh:tzm": None,
}  # fmt: skip
ABBREVIATION, OFFSET = "%Z", "%z"
"""strptime's directives for a zone's short name and for its offset from UTC."""

# Elements that are written by other means than strftime but that strptime reads.
_READ = {"tzd": ABBREVIATION, "tzo": OFFSET, "tzh:tzm": OFFSET}
_LONGEST_FIRST = sorted(ELEMENTS, key=len, reverse=True)
_PASSED = "*-/,.;: "


def tokens(pattern: str) -> list[tuple[str, str]]:
    """Split a date format into `("element", name)` and `("text", characters)`.

    Raises DremioError (FUNCTION) at the first character that begins no element.
    """
    found: list[tuple[str, str]] = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == '"' and (end := pattern.find('"', index + 1)) > 0:
            found.append(("text", pattern[index + 1 : end]))
            index = end + 1
            continue
        rest = pattern[index:].lower()
        name = next((element for element in _LONGEST_FIRST if rest.startswith(element)), None)
        if name is not None:
            found.append(("element", name))
            index += len(name)
        elif char in _PASSED:
            found.append(("text", char))
            index += 1
        else:
            raise function_error(
                f"Failure parsing the formatting string at column {index} of: {pattern}"
            )
    return found


def strptime_format(pattern: str) -> str:
    """Return the format for reading. Raises DremioError for an element that cannot be read."""
    out = ""
    for kind, value in tokens(pattern):
        if kind == "text":
            out += value.replace("%", "%%")
        elif (directive := _READ.get(value, ELEMENTS[value])) is None:
            raise function_error(f"the format element '{value.upper()}' cannot be read: {pattern}")
        else:
            out += directive
    return out


_NUMBER = re.compile(r"^([^#0,.]*)([#0,]*)(\.[#0]*)?(E0+)?([^#0]*)$")


def is_number_format(pattern: str) -> bool:
    """Whether `pattern` is one of java.text.DecimalFormat's rather than a date's."""
    return bool(re.search(r"[#0]", pattern)) and _NUMBER.match(pattern) is not None


def format_number(value: Decimal, pattern: str) -> str:
    """Write `value` as java.text.DecimalFormat does (half-even rounding)."""
    positive, _, negative = pattern.partition(";")
    match = _NUMBER.match(positive)
    if match is None:
        raise ValueError(f"TO_CHAR: unknown number format '{pattern}'")
    prefix, whole, fraction, exponent, suffix = (part or "" for part in match.groups())
    if exponent:
        mantissa, power = f"{value:.{len(fraction) - 1 if fraction else 0}E}".split("E")
        return f"{prefix}{mantissa}E{int(power)}{suffix}"
    if "%" in prefix + suffix:
        value *= 100
    digits = fraction[1:]
    rounded = value.quantize(Decimal(1).scaleb(-len(digits)), ROUND_HALF_EVEN)
    integer, _, decimals = f"{abs(rounded):f}".partition(".")
    decimals = decimals.rstrip("0").ljust(digits.count("0"), "0")
    integer = integer.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole:
        size = len(whole) - whole.rindex(",") - 1
        groups: list[str] = []
        while len(integer) > size:
            groups.insert(0, integer[-size:])
            integer = integer[:-size]
        integer = ",".join([integer, *groups]) if integer else ",".join(groups)
    body = prefix + integer + ("." + decimals if decimals else "") + suffix
    if not integer and not decimals:
        body = prefix + "0" + suffix
    if rounded < 0:
        if negative:
            shape = _NUMBER.match(negative)
            if shape:
                return (shape[1] or "") + body.removeprefix(prefix).removesuffix(suffix) + shape[5]
        return "-" + body
    return body
