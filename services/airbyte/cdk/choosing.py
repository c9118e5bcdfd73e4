"""Which of a table's columns a stream is read with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment


class Named(Protocol):
    """A column of whichever database."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


C = TypeVar("C", bound=Named)


def choose(columns: Iterable[C], stream: ConfiguredStream, env: Environment) -> tuple[C, ...]:
    """Return the columns to read. Raises ConnectorError when the cursor or a key is not there."""
    there = {column.name: column for column in columns}
    wanted = stream.selected_columns or stream.known_columns or tuple(there)
    needed = [*stream.primary_key, *([stream.cursor_field] if stream.cursor_field else [])]
    use_cursor = stream.incremental or stream.dedup
    if use_cursor and (missing := [name for name in needed if name not in there]):
        raise config_error(
            f"stream {stream.name!r}: column {', '.join(missing)} (cursor or primary key) is"
            f" not in the source; it has {', '.join(there)}"
        )
    keep = {*wanted, *(needed if use_cursor else [])}
    if gone := [name for name in wanted if name not in there]:
        env.log(f"{stream.name}: {', '.join(gone)} is gone from the source: null now")
    return tuple(column for name, column in there.items() if name in keep)
