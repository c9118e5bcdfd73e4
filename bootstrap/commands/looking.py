"""Looking at the platform: status, logs, links, the machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bootstrap import preflight
from bootstrap.alerts import active_alerts, send_test
from bootstrap.commands.continuous import continuous_lines
from bootstrap.commands.lifecycle import home
from bootstrap.commands.options import Json, print_json
from bootstrap.environment import stand_ins
from bootstrap.output import plain_table, results_console
from bootstrap.runtime import choose_runtime
from bootstrap.summary import links
from services.common.errors import TransientError
from services.common.settings import read_settings, settings


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    for command in (status, alerts, logs, doctor):
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
        for line in [*continuous_lines(settings()), *_alert_lines()] if rows else []:
            typer.echo(line)
    if not rows or not all(row["healthy"] for row in rows):
        raise typer.Exit(1)


def alerts(
    json: Json = False,
    test: Annotated[bool, typer.Option("--test", help="Send a test to all who are told.")] = False,
) -> None:
    """Show what is pending or firing; exit 1 when something fires."""
    if test:
        send_test(settings())
        typer.echo("a test alert is on its way; `lakelet logs exporter` says if it is not taken")
        return
    found = active_alerts(settings())
    if json:
        print_json([alert.as_dict() for alert in found])
    else:
        for line in [alert.line() for alert in found] or ["nothing is pending or firing"]:
            typer.echo(line)
    if any(alert.state == "firing" for alert in found):
        raise typer.Exit(1)


def _alert_lines() -> list[str]:
    try:
        found = active_alerts(settings())
    except TransientError:
        return []  # the table has said what does not answer
    return [alert.line() for alert in found if alert.state == "firing"]


def logs(
    service: Annotated[str | None, typer.Argument(help="One service; else all.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines of each.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Show the ends of the services' logs."""
    choose_runtime(settings())[0].show_logs(service, lines, follow=follow)


def doctor(json: Json = False) -> None:
    """Check the machine for the runtime it would take. Changes nothing; exit 1 on a problem."""
    os.environ.update(stand_ins(home()))  # this process's own: before `up` there are no secrets
    runtime, why = choose_runtime(read_settings(home()))
    problems = preflight.check_python() + (preflight.check_home(home()) or runtime.problems())
    if json:
        print_json([problem._asdict() for problem in problems])
    else:
        typer.echo(f"runtime: {runtime.name} ({why})")
        for problem in problems:
            typer.echo(f"{problem.check}: {problem.message}")
        if not problems:
            typer.echo("the machine is fit for Lakelet")
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
