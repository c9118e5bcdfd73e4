"""`lakelet reflections`: definitions in reflections/*.yml, and how they stand."""

from __future__ import annotations

from typing import Annotated

import typer

from bootstrap.clients.dremio import Dremio
from bootstrap.commands.options import Json, print_json
from bootstrap.output import print_rows
from bootstrap.reflections import (
    accept_recommended,
    apply_reflections,
    in_short,
    list_reflections,
    read_reflections,
    recommended,
)
from services.common.settings import CHECKOUT, settings

_app = typer.Typer(
    help="Reflections: apply definitions, list them, recommend.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.add_typer(_app, name="reflections")


@_app.command("apply")
def apply(json: Json = False) -> None:
    """Bring Dremio's reflections to what reflections/*.yml say; they are built by themselves."""
    done = apply_reflections(Dremio(settings()), read_reflections(CHECKOUT / "reflections"))
    if json:
        print_json(done)
    else:
        print_rows(done)


@_app.command("list")
def show(json: Json = False) -> None:
    """List every reflection: whether it can be used, how large it is, how often it was used."""
    rows = list_reflections(Dremio(settings()))
    if json:
        print_json(rows)
    else:
        print_rows(rows)


@_app.command("recommend")
def recommend(
    accept: Annotated[bool, typer.Option("--accept", help="Define them all.")] = False,
    json: Json = False,
) -> None:
    """Say which reflections would have paid for the jobs of the last seven days."""
    dremio = Dremio(settings())
    found = recommended(dremio)
    if accept:
        accept_recommended(dremio, found)
    if json:
        print_json(found)
    elif found:
        print_rows([in_short(each) for each in found])
    else:
        typer.echo("nothing to recommend: no job of the last week would have gained by one")
