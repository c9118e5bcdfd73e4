"""Options that several subcommands share."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def print_json(value: Any) -> None:
    """Print a result as JSON; what JSON has no type for becomes text."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())
