"""How files are read: Dremio's formats, told by a file's name, an API body or a query."""

from __future__ import annotations

from typing import Any

from services.dremio.state.errors import unsupported, validation

Format = dict[str, Any]

# Dremio's defaults for delimited text: no header, columns A, B, C …
_TEXT: Format = {
    "type": "Text",
    "fieldDelimiter": ",",
    "lineDelimiter": "\r\n",
    "quote": '"',
    "comment": "#",
    "escape": '"',
    "skipFirstLine": False,
    "extractHeader": False,
    "trimHeader": True,
    "autoGenerateColumnNames": True,
}
_BY_ENDING: dict[str, Format] = {
    "parquet": {"type": "Parquet"},
    "json": {"type": "JSON"},
    "jsonl": {"type": "JSON"},
    "ndjson": {"type": "JSON"},
    "csv": _TEXT,
    "tsv": {**_TEXT, "fieldDelimiter": "\t"},
    "psv": {**_TEXT, "fieldDelimiter": "|"},
}
_TYPES = {"text": "Text", "json": "JSON", "parquet": "Parquet", "delta": "Delta"}
_TYPES["iceberg"] = "Iceberg"
_FLAGS = ("skipFirstLine", "extractHeader", "trimHeader", "autoGenerateColumnNames")
_MARKS = ("fieldDelimiter", "quote", "comment", "escape", "lineDelimiter")


def by_name(name: str) -> Format | None:
    """Return the format that a file's ending tells; compressed files do not tell any."""
    _, dot, ending = name.rpartition(".")
    found = _BY_ENDING.get(ending.lower()) if dot else None
    return dict(found) if found else None


def given(options: dict[str, Any]) -> Format:
    """Return the format that an API body or a query describes. Raises DremioError."""
    kind = options.get("type")
    if not isinstance(kind, str):
        raise validation("format: expected an object with 'type'")
    name = _TYPES.get(kind.lower())
    if name is None:
        raise unsupported(
            f"Format {kind!r} is not supported here (supported: {', '.join(_TYPES.values())})"
        )
    if name != "Text":
        return {"type": name}
    known = {key.lower(): key for key in _TEXT}
    found = dict(_TEXT)
    for key, value in options.items():
        option = known.get(key.lower())
        if option in _FLAGS:
            if not isinstance(value, bool):
                raise validation(f"format.{option}: expected true or false")
            found[option] = value
        elif option in _MARKS:
            if not isinstance(value, str):
                raise validation(f"format.{option}: expected text")
            found[option] = value
        elif key.lower() == "skiplines":
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise validation("format.skipLines: expected a number of lines")
            found["skipLines"] = value
    if not found["fieldDelimiter"]:
        raise validation("format.fieldDelimiter: expected text")
    return found
