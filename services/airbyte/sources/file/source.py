"""The file source: one stream of one file (full refresh), or of all files that a glob means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.columns import literal
from services.airbyte.cdk.failures import config_error, of_destination
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.file import place
from services.airbyte.sources.file.encoding import recoded
from services.airbyte.sources.file.formats import Opened, described, open_file, options
from services.airbyte.sources.file.matching import (
    FILE_MODIFIED,
    FILE_URL,
    Found,
    after,
    is_glob,
    matching,
    unread,
)
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
        keep = options(config).get("on_bad_lines", "error") != "error"
        files = [Found(str(config["url"]), "")]
        if is_glob(config):
            files = unread(matching(config, env), state if stream.incremental else None)
            env.log(f"{len(files)} files to read")
        if not files:
            yield _nothing(stream, state)
            return
        with self._all(config, files, duck, env) as opened:

            def end() -> Json | None:
                self._settle(opened.refused(), keep, stream.name, env)
                return after(files, state) if stream.incremental else None

            wanted = stream.selected_columns or stream.known_columns
            columns = tuple(c for c in opened.columns if wanted is None or c.name in wanted)
            yield Reading(columns=columns, relation=opened.relation, state=end)

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
        where = env.dead_letters(name, [{"stream": name, **r} for r in refused])
        env.log(f"{len(refused)} lines were refused and are kept in {where}")

    @contextmanager
    def _all(
        self, config: Json, files: list[Found], duck: duckdb.DuckDBPyConnection, env: Environment
    ) -> Iterator[Opened]:
        """Open all files as one relation; of a glob's files each row says where it is from."""
        several = is_glob(config)
        with ExitStack() as stack:
            opened = []
            for file in files:
                one = stack.enter_context(self._opened({**config, "url": file.url}, duck, env))
                if several:
                    marks = (
                        f"{literal(file.url)} AS {FILE_URL},"
                        f" {literal(file.modified)} AS {FILE_MODIFIED}"
                    )
                    values = "*, " if one.columns else ""
                    one = replace(one, relation=f"(SELECT {values}{marks} FROM {one.relation})")
                opened.append(one)

            def refused() -> list[Json]:
                return [
                    {"source": file.url, **line}
                    for file, one in zip(files, opened, strict=True)
                    for line in one.refused()
                ]

            if not several:
                if not opened[0].columns:
                    raise config_error(f"{config['url']} is empty: it has not even a header line")
                yield replace(opened[0], refused=refused)
                return
            together = " UNION ALL BY NAME ".join(f"SELECT * FROM {o.relation}" for o in opened)
            yield described(duck, f"({together})", refused)

    @contextmanager
    def _opened(
        self, config: Json, duck: duckdb.DuckDBPyConnection, env: Environment
    ) -> Iterator[Opened]:
        with (
            place.fetched(config, env) as fetched,
            unpacked(fetched, config) as plain,
            recoded(plain, str(config["url"]), options(config)) as path,
        ):
            try:
                yield open_file(duck, Path(path), config)
            except duckdb.Error as error:
                if of_destination(error):
                    raise
                first = str(error).replace(str(path), str(config["url"])).split("\n\n")[0]
                raise config_error(
                    f"{config['url']} cannot be read as {config.get('format')}: {first[:500]};"
                    " set format and reader_options",
                    str(error),
                ) from error


def _nothing(stream: ConfiguredStream, state: Json | None) -> Reading:
    return Reading(columns=(), relation="(SELECT 1 WHERE false)", state=lambda: state)


def build() -> FileSource:
    """Return the source."""
    return FileSource()
