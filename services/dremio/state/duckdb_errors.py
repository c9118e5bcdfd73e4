"""DuckDB's errors → Dremio's kinds, with this machine's details left out."""

from __future__ import annotations

import re

import duckdb

from services.dremio.state.errors import DremioError, ErrorKind

_KINDS: tuple[tuple[type[BaseException], ErrorKind], ...] = (
    (duckdb.InterruptException, ErrorKind.CANCELED),
    (duckdb.OutOfMemoryException, ErrorKind.OUT_OF_MEMORY),
    (duckdb.ParserException, ErrorKind.PARSE),
    (duckdb.BinderException, ErrorKind.VALIDATION),
    (duckdb.CatalogException, ErrorKind.VALIDATION),
    (duckdb.NotImplementedException, ErrorKind.UNSUPPORTED_OPERATION),
    (duckdb.PermissionException, ErrorKind.PERMISSION),
    (duckdb.TransactionException, ErrorKind.CONCURRENT_MODIFICATION),
    (duckdb.HTTPException, ErrorKind.DATA_READ),
    (duckdb.IOException, ErrorKind.DATA_READ),
    (duckdb.ConversionException, ErrorKind.FUNCTION),
    (duckdb.OutOfRangeException, ErrorKind.FUNCTION),
    (duckdb.InvalidInputException, ErrorKind.FUNCTION),
    (duckdb.ConstraintException, ErrorKind.VALIDATION),
)
# The statement that DuckDB was given is ours, not the user's: its excerpt would only confuse.
_EXCERPT = re.compile(r"\n+LINE \d+:.*", re.DOTALL)
_PREFIX = re.compile(r"^[A-Z][A-Za-z ]+ Error: ")
# What a source raised while it was scanned comes wrapped, with a traceback behind it.
_SCAN = re.compile(
    r"get_next failed\(\): [A-Za-z ]+: (.*?)\. Detail: Python exception:.*", re.DOTALL
)
_CONFLICT = re.compile(r"conflict|CommitFailed|requirement failed|has been altered", re.IGNORECASE)
_FUNCTION = re.compile(
    r"(?:Scalar|Table|Aggregate|Macro)? ?Function with name \"?(\w+)\"? does not", re.I
)
# A function's own name, the arguments it takes, and those it was given.
_ARGUMENTS = re.compile(r"Macro \"?(\w+)\"?\(\) does not support the supplied arguments")
_CANDIDATE = re.compile(r"^\s+\w+\((.*)\)$", re.MULTILINE)
_TYPES = re.compile(r"No function matches the given name and argument types '([^(']+)\((.*)\)'\.")
_TABLE = re.compile(r"Table with name (\S+) does not exist")
_COLUMN = re.compile(
    r'Referenced column "([^"]+)" (?:was )?not found|'
    r'Column "([^"]+)" referenced that exists in the SELECT clause'
)


def translate(error: BaseException) -> DremioError:
    """Return what to raise instead of an error of DuckDB's or Arrow's."""
    if isinstance(error, DremioError):
        return error
    text = _EXCERPT.sub("", str(error)).strip()
    if text.startswith("INTERRUPT"):  # raised through Arrow as an OSError
        return DremioError(ErrorKind.CANCELED, "Query was canceled")
    scan = _SCAN.search(text)
    if scan:
        return DremioError(ErrorKind.DATA_READ, scan[1])
    kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), ErrorKind.SYSTEM)
    message = _PREFIX.sub("", text)
    if kind is ErrorKind.CANCELED:
        message = "Query was canceled"
    column = _COLUMN.search(message)
    if column:
        kind = ErrorKind.VALIDATION
        message = f"Column '{column[1] or column[2]}' not found in any table"
    table = _TABLE.search(message)
    if table:
        kind = ErrorKind.VALIDATION
        message = f"Object '{table[1]}' not found: it was dropped just now"
    missing = _FUNCTION.search(message)
    if missing:
        kind = ErrorKind.VALIDATION
        message = f"No match found for function signature {missing[1].upper()}"
    if "Could not find snapshot" in message:
        kind = ErrorKind.VALIDATION
        message = f"The provided snapshot ID is invalid. {message}"
    kind, message = _wrong_arguments(kind, message)
    if _CONFLICT.search(message) and kind is not ErrorKind.VALIDATION:
        kind = ErrorKind.CONCURRENT_MODIFICATION
    if isinstance(error, duckdb.HTTPException) and " 404" in message:
        kind = ErrorKind.VALIDATION
    return DremioError(kind, message)


def _wrong_arguments(kind: ErrorKind, message: str) -> tuple[ErrorKind, str]:
    """Say of a call that fits no function what Dremio's validator would."""
    counted = _ARGUMENTS.search(message)
    if counted:
        taken = sorted({len(c.split(",")) if c else 0 for c in _CANDIDATE.findall(message)})
        return ErrorKind.VALIDATION, (
            f"Invalid number of arguments to function '{counted[1].upper()}'. "
            f"Was expecting {' or '.join(map(str, taken))} arguments"
        )
    typed = _TYPES.search(message)
    if typed:
        name = typed[1].rsplit(".", 1)[-1].upper()
        return ErrorKind.VALIDATION, (
            f"Cannot apply '{name}' to arguments of type '{name}({typed[2]})'"
        )
    return kind, message
