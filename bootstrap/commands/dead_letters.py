"""`lakelet dead-letters`: records that a sync refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bootstrap.clients.airbyte import Airbyte
from bootstrap.commands.options import Json, print_json
from bootstrap.dead_letters import DeadLetters
from bootstrap.output import print_rows
from bootstrap.pipeline import records_synced
from services.common.settings import settings

_app = typer.Typer(
    help="Dead letters: records that syncs refused; list, show, replay.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Address = Annotated[str, typer.Argument(help="As `list` shows it: s3://dlq/airbyte/…")]


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.add_typer(_app, name="dead-letters")


def _letters() -> DeadLetters:
    return DeadLetters(settings(), Airbyte(settings()))


@_app.command("list")
def listing(json: Json = False) -> None:
    """List what was refused and not replayed yet, newest first."""
    found = _letters().listing()
    if json:
        print_json(found)
    else:
        print_rows(found)


@_app.command("show")
def show(address: Address) -> None:
    """Print the refused records as JSON lines, each with reason and position."""
    typer.echo(_letters().show(address), nl=False)


@_app.command("replay")
def replay(
    address: Address,
    corrected: Annotated[
        Path | None,
        typer.Option("--with", exists=True, dir_okay=False, help="Corrected JSON lines."),
    ] = None,
    json: Json = False,
) -> None:
    """Read refused records once more, into the same table; then they are put away."""
    job = _letters().replay(address, corrected)
    if json:
        print_json(job)
    else:
        typer.echo(f"{records_synced(job):,} records replayed (job {job['job']['id']})")
