"""The columns of a stream on their way through its mappers, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from services.airbyte.mapping.mappers import (
    EXISTS,
    NOT_FOUND,
    Condition,
    Dropping,
    Equal,
    Hashing,
    Mapper,
    MapperError,
    Renaming,
    RowFilter,
)


@dataclass(frozen=True)
class Field:
    """A column as it stands: its name, the source's name of it, the methods it was hashed with."""

    name: str
    source: str
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Is:
    """A test whether a column, as it stood, has a text."""

    field: Field
    value: str


@dataclass(frozen=True)
class NoneOf:
    """A test whether none of the tests holds."""

    tests: tuple[Test, ...]


Test = Is | NoneOf


@dataclass(frozen=True)
class Fields:
    """What the mappers so far have made of the columns; `tests` hold for the rows that pass."""

    columns: tuple[Field, ...]
    tests: tuple[Test, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Fields:
        """Return the columns as the source has them."""
        return cls(tuple(Field(name, name) for name in names))

    def __iter__(self) -> Iterator[Field]:
        return iter(self.columns)

    def named(self, name: str) -> Field:
        """Return the column that is called so now. Raises MapperError (FIELD_NOT_FOUND)."""
        for field in self.columns:
            if field.name == name:
                return field
        there = ", ".join(field.name for field in self.columns)
        raise MapperError(NOT_FOUND, f"it has no field {name!r} here; it has: {there}")

    def of_source(self, name: str) -> Field | None:
        """Return what has become of the source's column; None when it is left out."""
        return next((field for field in self.columns if field.source == name), None)

    def then(self, mapper: Mapper) -> Fields:
        """Return what a mapper makes of the columns. Raises MapperError when it does not fit."""
        match mapper:
            case Hashing():
                field = self.named(mapper.target)
                return self._changed(field, mapper.result, mapper.method)
            case Renaming():
                return self._changed(self.named(mapper.original), mapper.new)
            case Dropping():
                gone = self.named(mapper.target)
                return replace(self, columns=tuple(f for f in self.columns if f != gone))
            case RowFilter():
                return replace(self, tests=(*self.tests, self._test(mapper.condition)))

    def _changed(self, field: Field, name: str, *methods: str) -> Fields:
        # SQL does not tell names apart that differ in case only.
        if any(f.name.lower() == name.lower() for f in self.columns if f != field):
            raise MapperError(EXISTS, f"it has a field {name!r} already")
        if name.lower().startswith("_airbyte_"):
            raise MapperError(EXISTS, f"{name!r}: names with _airbyte_ are the table's own")
        new = Field(name, field.source, (*field.methods, *methods))
        return replace(self, columns=tuple(new if f == field else f for f in self.columns))

    def _test(self, condition: Condition) -> Test:
        if isinstance(condition, Equal):
            return Is(self.named(condition.field), condition.value)
        return NoneOf(tuple(self._test(one) for one in condition.conditions))


def tested(tests: Iterable[Test]) -> set[str]:
    """Return the source's names of the columns that tests look at."""
    names: set[str] = set()
    for test in tests:
        names |= {test.field.source} if isinstance(test, Is) else tested(test.tests)
    return names


def through(mappers: Sequence[Mapper], names: Iterable[str]) -> Fields:
    """Return what the mappers make of the columns that a sync reads.

    A column that is gone from the source needs no hash and no other name. Raises MapperError where
    a name is taken, or where a row filter cannot tell which rows are to pass.
    """
    fields = Fields.of(names)
    for mapper in mappers:
        try:
            fields = fields.then(mapper)
        except MapperError as error:
            if error.kind != NOT_FOUND or isinstance(mapper, RowFilter):
                raise
    return fields
