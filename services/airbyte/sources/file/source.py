"""The file source: one file, one stream, full refresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.file import place
from services.airbyte.sources.file.formats import Opened, open_file, options
from services.airbyte.sources.file.unpacking import unpacked

Json = dict[str, Any]


class FileSource:
    """Airbyte's source-file: the same fields."""

    def check(self, config: Json, env: Environment) -> None:
        """Fetch the file and read its columns."""
        self.discover(config, env)

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the one stream, with the columns that the file has."""
        with self._opened(config, duckdb.connect(), env) as opened:
            return [Stream(name=str(config["dataset_name"]), columns=opened.columns)]

    @contextmanager
    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Reading]:
        """Read the file."""
        if stream.name != config["dataset_name"]:
            raise config_error(
                f"stream {stream.name!r} is not in the source: its one stream is"
                f" {config['dataset_name']!r}; refresh the connection's schema"
            )
        keep = options(config).get("on_bad_lines", "error") != "error"
        with self._opened(config, duck, env) as opened:

            def end() -> None:
                refused = opened.refused()
                if not refused:
                    return
                first = refused[0]
                if not keep:
                    more = f" (and {len(refused) - 1} more lines)" if len(refused) > 1 else ""
                    raise config_error(
                        f"{config['url']}, line {first['line']}: {first['reason']}: "
                        f"{first['text'][:200]!r}{more}; correct the file, or set"
                        ' {"on_bad_lines": "skip"} in reader_options to put such lines aside'
                    )
                records = [{"stream": stream.name, "source": config["url"], **r} for r in refused]
                where = env.dead_letters(stream.name, records)
                env.log(f"{len(refused)} lines were refused and are kept in {where}")

            wanted = stream.selected_columns or stream.known_columns
            columns = tuple(c for c in opened.columns if wanted is None or c.name in wanted)
            yield Reading(columns=columns, relation=opened.relation, state=end)

    @contextmanager
    def _opened(
        self, config: Json, duck: duckdb.DuckDBPyConnection, env: Environment
    ) -> Iterator[Opened]:
        with place.fetched(config, env) as fetched, unpacked(fetched, config) as path:
            try:
                yield open_file(duck, Path(path), config)
            except duckdb.Error as error:
                if "s3://" in str(error) or isinstance(error, duckdb.HTTPException):
                    raise
                first = str(error).replace(str(path), str(config["url"])).split("\n\n")[0]
                raise config_error(
                    f"{config['url']} cannot be read as {config.get('format')}: {first[:500]};"
                    " set format and reader_options",
                    str(error),
                ) from error


def build() -> FileSource:
    """Return the source."""
    return FileSource()
