"""A connection's other jobs by hand: read it anew, empty its tables, end what runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bootstrap.clients.airbyte import Airbyte
from bootstrap.commands.options import Yes
from bootstrap.pipeline import records_synced
from bootstrap.progress import Progress
from bootstrap.provision.streams import need_stream, qualified
from services.common.errors import RefusedError
from services.common.settings import settings

Name = Annotated[str, typer.Argument(help="The connection.")]
Streams = Annotated[
    list[str] | None,
    typer.Option("--stream", "-s", help="Only this stream (again for more); all if none."),
]


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.command()(refresh)
    app.command()(clear)
    app.command()(cancel)


def refresh(
    connection: Name,
    stream: Streams = None,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Empty the tables first; else their rows stay.")
    ] = False,
) -> None:
    """Read a connection from the start, as if nothing had been read, and wait for the end."""
    airbyte = Airbyte(settings())
    found = airbyte.connection(connection)
    chosen = _chosen(found, stream)
    with Progress().step(f"refresh {_told(connection, chosen)}") as step:
        job = airbyte.refresh(found, chosen, truncate=truncate)
        step.detail = f"{records_synced(job):,} rows"


def clear(connection: Name, stream: Streams = None, yes: Yes = False) -> None:
    """Empty a connection's tables; the next sync reads all of it again."""
    airbyte = Airbyte(settings())
    found = airbyte.connection(connection)
    chosen = _chosen(found, stream)
    if not yes:
        typer.echo(f"This empties the tables of {_told(connection, chosen)} in bronze.")
        if input("Type `clear` to go on: ").strip() != "clear":
            raise RefusedError("nothing was cleared")
    with Progress().step(f"clear {_told(connection, chosen)}"):
        airbyte.clear(found, chosen)


def cancel(connection: Name) -> None:
    """End a connection's job that runs; what it has committed stays."""
    ended = Airbyte(settings()).cancel(connection)
    if ended is None:
        typer.echo(f"no job of {connection!r} runs")
    else:
        typer.echo(f"{ended['configType']} of {connection!r} (job {ended['id']}): cancelled")


def _chosen(found: dict[str, Any], names: list[str] | None) -> list[dict[str, Any]]:
    """Return the entries of the connection's catalog that are meant; none: all."""
    entries = found["syncCatalog"]["streams"]
    return [need_stream(entries, name, f"connection {found['name']!r}") for name in names or ()]


def _told(connection: str, chosen: list[dict[str, Any]]) -> str:
    return f"{connection} ({', '.join(map(qualified, chosen))})" if chosen else connection
