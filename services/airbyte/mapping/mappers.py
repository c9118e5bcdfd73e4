"""The mappers of a stream, read from their configuration.

Facts: airbytehq/airbyte-platform, `config.yaml` (ConfiguredStreamMapper and the configurations) and
airbyte-mappers; the kinds of errors are its MapperErrorType. Of the hashing methods those that
DuckDB has are here; encryption is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MISSING_MAPPER, INVALID_CONFIG = "MISSING_MAPPER", "INVALID_MAPPER_CONFIG"
NOT_FOUND, EXISTS = "FIELD_NOT_FOUND", "FIELD_ALREADY_EXISTS"

# Method → SQL of the hash of a text, in lower-case hexadecimal digits.
METHODS = {"MD5": "md5({})", "SHA-1": "sha1({})", "SHA-256": "sha256({})"}
_OTHER_METHODS = ("MD2", "SHA-224", "SHA-384", "SHA-512")
# What Airbyte makes of the deprecated `hashedFields`.
_DEFAULT_METHOD, _DEFAULT_SUFFIX = "SHA-256", "_hashed"


class MapperError(ValueError):
    """A mapper that does not work; `kind` is Airbyte's name for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Hashing:
    """The column's place is taken by one with its hash, called as it with a suffix."""

    target: str
    method: str
    suffix: str

    @property
    def result(self) -> str:
        """What the column with the hash is called."""
        return self.target + self.suffix


@dataclass(frozen=True)
class Renaming:
    """A column gets another name."""

    original: str
    new: str


@dataclass(frozen=True)
class Dropping:
    """A column is left out (Airbyte's field-filtering)."""

    target: str


@dataclass(frozen=True)
class Equal:
    """Holds for rows whose column has this text; never for null."""

    field: str
    value: str


@dataclass(frozen=True)
class Not:
    """Holds for rows for which none of the conditions does."""

    conditions: tuple[Condition, ...]


Condition = Equal | Not


@dataclass(frozen=True)
class RowFilter:
    """Only rows for which the condition holds are let pass."""

    condition: Condition


Mapper = Hashing | Renaming | Dropping | RowFilter


def parse(configured: Json) -> Mapper:
    """Read one ConfiguredStreamMapper. Raises MapperError saying what is wrong."""
    if not isinstance(configured, dict):
        raise MapperError(INVALID_CONFIG, f"a mapper is an object, this is {configured!r}")
    kind, config = configured.get("type"), configured.get("mapperConfiguration")
    if kind == "encryption":
        raise MapperError(
            MISSING_MAPPER,
            "mapper encryption is not supported: hash the field, or leave it out with"
            " field-filtering",
        )
    if kind not in _READERS:
        known = ", ".join(_READERS)
        raise MapperError(MISSING_MAPPER, f"there is no mapper {kind!r}; there are: {known}")
    if not isinstance(config, dict):
        raise MapperError(INVALID_CONFIG, f"mapper {kind} needs an object mapperConfiguration")
    return _READERS[kind](_Given(str(kind), config))


def parse_all(configured: Sequence[Json]) -> tuple[Mapper, ...]:
    """Read the mappers of a stream. Raises MapperError at the first that is wrong."""
    return tuple(parse(one) for one in configured)


def of_hashed_fields(fields: Sequence[Json]) -> list[Json]:
    """Return the mappers that Airbyte makes of `hashedFields`."""
    return [
        {
            "type": "hashing",
            "mapperConfiguration": {
                "targetField": (field.get("fieldPath") or [""])[0],
                "method": _DEFAULT_METHOD,
                "fieldNameSuffix": _DEFAULT_SUFFIX,
            },
        }
        for field in fields
    ]


@dataclass(frozen=True)
class _Given:
    """A mapper's configuration; what is asked for has to be there, as a text."""

    kind: str
    config: Json

    def text(self, name: str, *, empty: bool = False) -> str:
        value = self.config.get(name)
        if not isinstance(value, str) or not (value or empty):
            raise MapperError(INVALID_CONFIG, f"mapper {self.kind}: {name} has to be a text")
        return value


def _hashing(given: _Given) -> Mapper:
    method = given.text("method")
    if method not in METHODS:
        what = "is not supported" if method in _OTHER_METHODS else "does not exist"
        raise MapperError(
            INVALID_CONFIG, f"mapper hashing: method {method} {what}; choose {', '.join(METHODS)}"
        )
    return Hashing(given.text("targetField"), method, given.text("fieldNameSuffix", empty=True))


def _renaming(given: _Given) -> Mapper:
    return Renaming(given.text("originalFieldName"), given.text("newFieldName"))


def _dropping(given: _Given) -> Mapper:
    return Dropping(given.text("targetField"))


def _row_filter(given: _Given) -> Mapper:
    return RowFilter(_condition(given.config.get("conditions")))


def _condition(node: Any) -> Condition:
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "EQUAL":
        given = _Given("row-filtering", node)
        return Equal(given.text("fieldName"), given.text("comparisonValue", empty=True))
    inner = node.get("conditions") if isinstance(node, dict) else None
    if kind == "NOT" and isinstance(inner, list) and inner:
        return Not(tuple(_condition(one) for one in inner))
    raise MapperError(
        INVALID_CONFIG,
        "mapper row-filtering: a condition is {type: EQUAL, fieldName, comparisonValue} or"
        " {type: NOT, conditions: [at least one]}",
    )


_READERS = {
    "hashing": _hashing,
    "field-renaming": _renaming,
    "field-filtering": _dropping,
    "row-filtering": _row_filter,
}
