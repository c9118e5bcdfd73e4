"""Looking at the platform: status, logs, links, the machine."""

from __future__ import annotations

import shutil
import subprocess
from typing import Annotated

import typer

from bootstrap import preflight
from bootstrap.commands.lifecycle import home
from bootstrap.commands.options import Json, print_json
from bootstrap.output import plain_table, results_console
from bootstrap.runtime import choose_runtime
from bootstrap.summary import links
from services.common.errors import NotFoundError
from services.common.settings import settings


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    for command in (status, logs, doctor):
        app.command()(command)
    app.command("links")(show_links)


def status(json: Json = False) -> None:
    """Show each service; exit 1 unless all are healthy."""
    rows = choose_runtime(settings())[0].status() if (home() / ".env").exists() else []
    if json:
        print_json(rows)
    else:
        table = plain_table("service", "state", "healthy", "pid", "up", "memory")
        for row in rows:
            table.add_row(
                row["name"],
                row["state"].lower(),
                "yes" if row["healthy"] else "no",
                str(row["pid"] or ""),
                f"{row['uptime']} s" if row["pid"] else "",
                f"{row['memory'] / 1e6:.0f} MB" if row["pid"] else "",
            )
        results_console().print(table if rows else "nothing was ever started here: run `make up`")
    if not rows or not all(row["healthy"] for row in rows):
        raise typer.Exit(1)


def logs(
    service: Annotated[str | None, typer.Argument(help="One service; else all.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines of each.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Show the ends of the services' logs."""
    files = [f for f in choose_runtime(settings())[0].log_files(service) if f.exists()]
    if not files:
        raise NotFoundError("no logs yet; `lakelet up` starts the services")
    tail = shutil.which("tail")
    if tail is None:
        raise NotFoundError(f"no `tail` command here; the logs are {', '.join(map(str, files))}")
    how = ["-F"] if follow else []
    subprocess.run([tail, "-n", str(lines), *how, *map(str, files)], check=False)


def doctor(json: Json = False) -> None:
    """Check the machine: Python, disk, memory, ports. Changes nothing; exit 1 on a problem."""
    environment = preflight.read_env_file(home() / ".env")
    problems = preflight.check_python() + preflight.check_disk(home(), preflight.DISK_TO_RUN)
    problems += preflight.check_memory()
    running = (home() / ".env").exists() and choose_runtime(settings())[0].is_up()
    if not running:  # our own services hold the ports while they run
        problems += preflight.check_ports(environment)
    if json:
        print_json([problem._asdict() for problem in problems])
    else:
        for problem in problems:
            typer.echo(f"{problem.check}: {problem.message}")
        typer.echo("" if problems else "the machine is fit for Lakelet", nl=not problems)
    if problems:
        raise typer.Exit(1)


def show_links(json: Json = False) -> None:
    """Print where everything answers."""
    found = links(settings())
    if json:
        print_json(found)
        return
    for name, address in found.items():
        typer.echo(f"{name:<12} {address}")
