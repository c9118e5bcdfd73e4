"""A protocol connector as a source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from services.airbyte import engine
from services.airbyte.cdk.batches import Batch
from services.airbyte.cdk.catalog import ConfiguredStream, Stream
from services.airbyte.cdk.source import Environment, Reading
from services.airbyte.sources.protocol import asking, states
from services.airbyte.sources.protocol.commands import command_line, hand_over, private_folder
from services.airbyte.sources.protocol.launch import Launch
from services.airbyte.sources.protocol.messages import own_fields
from services.airbyte.sources.protocol.process import Child
from services.airbyte.sources.protocol.reading import Pace, Session
from services.airbyte.sources.protocol.spool import Typist

Json = dict[str, Any]

_MODES = {"overwrite_dedup": "overwrite"}


class ProtocolSource:
    """Runs one connector."""

    def __init__(self, launch: Launch, pace: Pace | None = None) -> None:
        self._launch, self._pace = launch, pace or Pace()

    def spec(self, env: Environment) -> Json:
        """Return the connector's specification."""
        return asking.specification(self._launch, env)

    def check(self, config: Json, env: Environment) -> None:
        """Return when the connector says that the configuration works."""
        asking.check(self._launch, config, env)

    def discover(self, config: Json, env: Environment) -> list[Stream]:
        """Return the connector's streams."""
        return list(asking.discover(self._launch, config, env))

    @contextmanager
    def batches(
        self,
        config: Json,
        streams: Sequence[ConfiguredStream],
        stored: Mapping[str, Json | None],
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> Iterator[Iterator[list[Batch]]]:
        """Run the connector; see `BatchSource.batches`."""
        launch, heard = self._launch, asking.listener(env)
        with private_folder(env.folder) as folder, _typing(folder) as own:
            argv = command_line(launch, env.folder, folder, "read", env.log)
            argv += ["--config", str(hand_over(folder, "config", own_fields(config)))]
            argv += ["--catalog", str(hand_over(folder, "catalog", _catalog(streams)))]
            if state := states.outgoing(dict(stored), streams):
                argv += ["--state", str(hand_over(folder, "state", state))]
            where = Path(launch.folder) if launch.folder else folder
            with Child(argv, where, env.silence, env.log) as child:
                session = Session(child, heard, streams, stored, own, folder, env, self._pace)
                yield session.batches()

    def read(
        self,
        config: Json,
        stream: ConfiguredStream,
        state: Json | None,
        duck: duckdb.DuckDBPyConnection,
        env: Environment,
    ) -> AbstractContextManager[Reading]:
        """Not used: such a source is read as a whole."""
        raise NotImplementedError("a protocol connector is read by batches()")


@contextmanager
def _typing(folder: Path) -> Iterator[Typist]:
    """Give an engine of its own for typing rows: in their order, with one thread, little memory."""
    duck = engine.connect(folder / "typing", memory="384MB")
    try:
        duck.execute("SET preserve_insertion_order = true")
        duck.execute("SET threads = 1")
        typist = Typist(duck)
        try:
            yield typist
        finally:
            typist.close()
    finally:
        duck.close()


def _catalog(streams: Sequence[ConfiguredStream]) -> Json:
    """Return the ConfiguredAirbyteCatalog."""
    return {
        "streams": [
            {
                "stream": {
                    "name": stream.name,
                    **({"namespace": stream.namespace} if stream.namespace is not None else {}),
                    "json_schema": stream.schema,
                    "supported_sync_modes": stream.offered.get("supportedSyncModes")
                    or ["full_refresh"],
                    "source_defined_cursor": stream.offered.get("sourceDefinedCursor"),
                    "default_cursor_field": stream.offered.get("defaultCursorField") or [],
                    "source_defined_primary_key": stream.offered.get("sourceDefinedPrimaryKey")
                    or [],
                },
                "sync_mode": stream.sync_mode,
                "destination_sync_mode": _MODES.get(
                    stream.destination_sync_mode, stream.destination_sync_mode
                ),
                "cursor_field": list(stream.cursor_path),
                "primary_key": [[name] for name in stream.primary_key],
            }
            for stream in streams
        ]
    }
