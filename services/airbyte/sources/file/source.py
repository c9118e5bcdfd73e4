"""The file source: one stream of one file (full refresh), or of all files that a glob means."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
from pyiceberg.types import DateType, TimestampType, TimestamptzType

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.columns import Column, in_calendar, quote
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.file import place
from services.airbyte.sources.file.encoding import recoded
from services.airbyte.sources.file.formats import open_file
from services.airbyte.sources.file.matching import (
    FILE_MODIFIED,
    FILE_URL,
    Found,
    after,
    is_glob,
    matching,
    unread,
)
from services.airbyte.sources.file.opened import Opened, options, skips
from services.airbyte.sources.file.together import PLACE, placed, together
from services.airbyte.sources.file.unpacking import unpacked

Json = dict[str, Any]

# How many files (the newest) the columns of a glob's files are told from.
_LOOKED_AT = 20


class FileSource:
    """Airbyte's source-file: the same fields."""

    def check(self, config: Json, env: Environment) -> None:
        """Fetch the file and read its columns."""
        self.discover(config, env)

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the one stream, with the columns that the file has (the files together have)."""
        several = is_glob(config)
        found = matching(config, env)[-_LOOKED_AT:] if several else [Found(str(config["url"]), "")]
        with self._all(config, found, duckdb.connect(), env) as opened:
            return [
                Stream(
                    name=str(config["dataset_name"]),
                    columns=opened.columns,
                    incremental=several,
                    source_defined_cursor=several,
                    default_cursor=(FILE_MODIFIED,) if several else (),
                )
            ]

    @contextmanager
    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read the file; of several, incrementally those that are new or changed."""
        if stream.name != config["dataset_name"]:
            raise config_error(
                f"stream {stream.name!r} is not in the source: its one stream is"
                f" {config['dataset_name']!r}; refresh the connection's schema"
            )
        keep = skips(config)
        files = [Found(str(config["url"]), "")]
        if is_glob(config):
            files = unread(matching(config, env), state if stream.incremental else None)
            env.log(f"{len(files)} files to read")
        if not files:
            yield _nothing(stream, state)
            return
        with self._all(config, files, duck, env, with_places=stream.dedup) as opened:

            def end() -> Json | None:
                self._settle(opened.refused(), keep, stream.name, env)
                return after(files, state) if stream.incremental else None

            columns = _wanted(opened.columns, stream)
            yield Reading(
                columns=columns,
                relation=opened.relation,
                state=end,
                nulled=_nulled(columns),
                order=PLACE if stream.dedup else None,
            )

    def _settle(self, refused: list[Json], keep: bool, name: str, env: Environment) -> None:
        if not refused:
            return
        first = refused[0]
        if not keep:
            hint = ""
            if "utf-8" in first["reason"]:
                hint = ', set {"encoding": …} in reader_options to what it is written in'
            more = f" (and {len(refused) - 1} more lines)" if len(refused) > 1 else ""
            raise config_error(
                f"{first['source']}, line {first['line']}: {first['reason']}: "
                f"{first['text'][:200]!r}{more}; correct the file{hint}, or set"
                ' {"on_bad_lines": "skip"} in reader_options to put such lines aside'
            )
        env.dead_letters(name, [{"stream": name, **r} for r in refused])

    @contextmanager
    def _all(
        self,
        config: Json,
        files: list[Found],
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
        *,
        with_places: bool = False,
    ) -> Iterator[Opened]:
        """Open all files as one relation.

        `with_places`: with the rows' places, by which the last of several is told. They are read
        by one thread then.
        """
        with ExitStack() as stack:
            opened = [
                stack.enter_context(self._opened({**config, "url": file.url}, duck, env))
                for file in files
            ]

            def refused() -> list[Json]:
                return [
                    {"source": file.url, **line}
                    for file, one in zip(files, opened, strict=True)
                    for line in one.refused()
                ]

            if is_glob(config):
                whole = together(duck, files, opened, with_places=with_places)
            elif opened[0].columns:
                whole = placed(opened[0]) if with_places else opened[0]
            else:
                raise config_error(f"{config['url']} is empty: it has not even a header line")
            yield replace(whole, refused=refused)

    @contextmanager
    def _opened(
        self, config: Json, duck: duckdb.DuckDBPyConnection, env: Environment
    ) -> Iterator[Opened]:
        with (
            place.fetched(config, env) as fetched,
            unpacked(fetched, config) as plain,
            recoded(plain, config, options(config)) as path,
            tempfile.TemporaryDirectory(prefix="lakelet-scratch-") as scratch,
        ):
            try:
                yield open_file(duck, path, config, Path(scratch))
            except duckdb.Error as error:
                if of_destination(error) or isinstance(error, duckdb.OutOfMemoryException):
                    raise
                first = str(error).replace(str(path), str(config["url"])).split("\n\n")[0]
                raise config_error(
                    f"{config['url']} cannot be read as {config.get('format')}: {first[:500]};"
                    " set format and reader_options",
                    str(error),
                ) from error


def _wanted(columns: tuple[Column, ...], stream: ConfiguredStream) -> tuple[Column, ...]:
    """Return the columns to read. Raises ConnectorError where a key or the cursor is not there."""
    there = [column.name for column in columns if column.name not in (FILE_URL, FILE_MODIFIED)]
    needed = (*stream.primary_key, stream.cursor_field) if stream.dedup else ()
    missing = [n for n in needed if n and n not in (*there, FILE_URL, FILE_MODIFIED)]
    if missing and there:  # else the files have no rows
        raise config_error(
            f"stream {stream.name!r}: column {', '.join(missing)} (cursor or primary key) is not in"
            f" the files; they have {', '.join(there)}"
        )
    wanted = stream.selected_columns or stream.known_columns
    return tuple(c for c in columns if wanted is None or c.name in (*wanted, *needed))


def _nulled(columns: tuple[Column, ...]) -> dict[str, tuple[str, str]]:
    return {
        c.name: (f"NOT {in_calendar(quote(c.name), c.type)}", "SOURCE_FIELD_SIZE_LIMITATION")
        for c in columns
        if isinstance(c.type, DateType | TimestampType | TimestamptzType)
    }


def _nothing(stream: ConfiguredStream, state: Json | None) -> Reading:
    return Reading(columns=(), relation="(SELECT 1 WHERE false)", state=lambda: state)


def build() -> FileSource:
    """Return the source."""
    return FileSource()
