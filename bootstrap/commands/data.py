"""Moving and asking data: sync, transform, query."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.commands.options import Json, print_json
from bootstrap.dbt.by_hand import run_dbt
from bootstrap.differences import EXTRA
from bootstrap.follow import Follower
from bootstrap.output import print_rows, results_console
from bootstrap.pipeline import run_pipeline, sync_connections
from bootstrap.plan import plan as differences
from bootstrap.platform_file import read_platform
from bootstrap.progress import Progress
from bootstrap.reconcile import reconcile
from bootstrap.summary import flows_table
from bootstrap.up import provision
from services.common.errors import LakeletError
from services.common.settings import settings

# Options too, --help among them, are dbt's own.
_ALL_TO_DBT = {"ignore_unknown_options": True, "help_option_names": []}

_HOW_TO_APPLY = """\
`lakelet apply` makes sources, connections and layers what lakelet.yml says, and
`lakelet reflections apply` the reflections; `lakelet up --force` does all of it and imports the
dashboards again, over what was edited in Superset."""


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.command()(sync)
    app.command("run")(run)
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("dbt", context_settings=_ALL_TO_DBT)(dbt)
    app.command("query")(query)
    app.command("verify")(verify)


def sync(
    connection: Annotated[
        list[str] | None, typer.Argument(help="Connections; all of lakelet.yml's if none.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show each stream's rows while it is read.")
    ] = False,
    json: Json = False,
) -> None:
    """Sync connections into bronze and wait for the end."""
    names = connection or list(read_platform(settings()).connections)
    progress = Progress(spinner=not follow)
    if follow:
        with Follower(progress.console) as follower:
            jobs = sync_connections(Airbyte(settings()), names, progress, follower.job)
    else:
        jobs = sync_connections(Airbyte(settings()), names, progress)
    if json:
        print_json(jobs)


def apply() -> None:
    """Bring sources, connections and layers to what lakelet.yml says; run nothing."""
    provision(read_platform(settings()), settings(), Progress())


def plan(json: Json = False) -> None:
    """Tell how what runs differs from the files; exit 1 when `apply` or `up` would change it."""
    found = differences(settings())
    to_do = any(difference.state != EXTRA for difference in found)
    rows = [difference.as_dict() for difference in found]
    if json:
        print_json(rows)
    else:
        if rows:
            print_rows(rows)
        typer.echo(_HOW_TO_APPLY if to_do else "what the files say is what runs")
    if to_do:
        raise typer.Exit(1)


def run(
    no_sync: Annotated[bool, typer.Option("--no-sync", help="Only transform.")] = False,
    every: Annotated[
        float | None,
        typer.Option("--every", min=1, help="Again and again, a run every so many seconds."),
    ] = None,
) -> None:
    """Run the pipeline: sync all connections, then dbt layer by layer with its tests."""
    platform, progress = read_platform(settings()), Progress()
    if every is None:
        run_pipeline(platform, settings(), progress, sync=not no_sync)
        return
    while True:  # until it is interrupted; a run that fails is told, and the next one tries again
        began = time.monotonic()
        try:
            run_pipeline(platform, settings(), progress, sync=not no_sync)
        except LakeletError as error:
            progress.note(f"this run failed: {error}")
        time.sleep(max(0.0, began + every - time.monotonic()))


def dbt(
    arguments: Annotated[list[str] | None, typer.Argument(help="dbt's own arguments.")] = None,
) -> None:
    """Run any dbt command on this platform: `lakelet dbt run --select my_model`."""
    run_dbt(settings(), arguments or ["--help"])


def query(
    sql: Annotated[str, typer.Argument(help="The statement; `-` reads standard input.")],
    json: Json = False,
) -> None:
    """Run one SQL statement on Dremio and print its rows."""
    rows = Dremio(settings()).sql(sys.stdin.read() if sql == "-" else sql)
    if json:
        print_json(rows)
        return
    print_rows(rows)


def verify(json: Json = False) -> None:
    """Count rows and money at every hop; exit 1 when they do not agree."""
    flows = reconcile(read_platform(settings()), settings(), Dremio(settings()))
    if json:
        print_json([flow.as_dict() for flow in flows])
    else:
        results_console().print(flows_table(flows))
    if not all(flow.agrees for flow in flows):
        raise typer.Exit(1)
