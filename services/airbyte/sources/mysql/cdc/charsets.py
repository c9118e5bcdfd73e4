"""MySQL's character sets as Python's codecs: in the log a text is as the column stores it."""

from __future__ import annotations

import codecs

from services.airbyte.cdk.failures import config_error

UTF8 = frozenset({"utf8", "utf8mb3", "utf8mb4", "ascii", ""})
_CODECS = {
    "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be",
    "latin1": "cp1252", "latin2": "iso8859-2", "latin5": "iso8859-9", "latin7": "iso8859-13",
    "greek": "iso8859-7", "hebrew": "iso8859-8", "koi8r": "koi8-r", "koi8u": "koi8-u",
    "macroman": "mac-roman", "macce": "mac-latin2", "tis620": "tis-620", "hp8": "hp-roman8",
    "sjis": "shift-jis", "ujis": "euc-jp", "eucjpms": "euc-jp", "euckr": "euc-kr",
}  # fmt: skip


def decoded(value: bytes, charset: str, column: str) -> str:
    """Return a text. Raises ConnectorError for a character set that Python does not know."""
    try:
        codec = codecs.lookup("utf-8" if charset in UTF8 else _CODECS.get(charset, charset))
    except LookupError as error:
        raise config_error(
            f"column {column}: its character set {charset} cannot be read from the log; CONVERT the"
            " table TO CHARACTER SET utf8mb4, or deselect the column"
        ) from error
    return codec.decode(value, "replace")[0]
