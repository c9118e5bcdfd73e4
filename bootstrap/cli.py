"""The `lakelet` command. Results go to standard output, progress to standard error.

Exit codes: 0 done; 1 done, and what was asked about is not so (not healthy, hops disagree);
2 wrong usage; else the error's own (see services/common/errors.py).
"""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console

from bootstrap.commands import (
    backups,
    continuous,
    data,
    dead_letters,
    jobs,
    lifecycle,
    looking,
    migration,
    reflections,
)
from services.common.errors import LakeletError

# What typer ends with after Ctrl-C.
_INTERRUPTED = 130

app = typer.Typer(
    help="The open lakehouse, whole, on one machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (
    lifecycle,
    data,
    continuous,
    jobs,
    dead_letters,
    looking,
    reflections,
    backups,
    migration,
):
    commands.register(app)


def main() -> None:
    """Run the command; an error ends it with one message and the error's exit code."""
    logging.basicConfig(level=logging.WARNING)
    console = Console(stderr=True, highlight=False)
    try:
        app()
    except LakeletError as error:
        console.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            console.print("stopped; run the same command again to go on")
        raise


if __name__ == "__main__":
    main()
