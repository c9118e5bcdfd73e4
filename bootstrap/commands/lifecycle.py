"""Starting, stopping and removing the platform."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.backup.store import open_store
from bootstrap.commands.options import Json, Yes, print_json
from bootstrap.environment import ensure_env_file
from bootstrap.preflight import check_home
from bootstrap.progress import Progress
from bootstrap.runtime import choose_runtime
from bootstrap.summary import print_summary
from bootstrap.up import bring_up
from bootstrap.upgrade import GitVersion, SameFiles
from bootstrap.upgrade import upgrade as change_version
from services.common.errors import ConfigError, RefusedError
from services.common.settings import CHECKOUT, Settings, read_settings


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    for command in (init, up, down, restart, upgrade, destroy):
        app.command()(command)


def init() -> None:
    """Generate the secrets that `.env` lacks; nothing else."""
    path = _make_home() / ".env"
    added = ensure_env_file(path.parent)
    typer.echo(f"{path}: {len(added)} secrets added" if added else f"{path}: complete")


def up(
    json: Json = False,
    force: Annotated[
        bool, typer.Option("--force", help="Provision and run the pipeline anew.")
    ] = False,
) -> None:
    """Start everything, load, sync, transform, show; say where to look."""
    configuration = _initialised()
    outcome = bring_up(configuration, Progress(), force=force)
    if json:
        print_json(outcome.as_dict())
    else:
        print_summary(outcome, configuration)
    if not outcome.agrees:
        raise typer.Exit(1)


def down() -> None:
    """Stop everything; data stays."""
    if not (home() / ".env").exists():
        typer.echo("nothing runs: there is no .env, so nothing was ever started here")
        return
    with Progress().step("stop the services"):
        choose_runtime(_initialised())[0].down()


def restart(
    service: Annotated[str | None, typer.Argument(help="One service; else all.")] = None,
) -> None:
    """Restart one service, or all (settings are read anew)."""
    runtime, _ = choose_runtime(_initialised())
    progress = Progress()
    if service:
        with progress.step(f"restart {service}"):
            runtime.restart(service)
        return
    with progress.step("stop the services"):
        runtime.down()
    with progress.step("start the services"):
        runtime.up(progress)


def upgrade(
    to: Annotated[str, typer.Argument(help="A tag or commit; none: the files as they are.")] = "",
    backup: Annotated[str, typer.Option(help="Where the backup before it goes.")] = "",
) -> None:
    """Back up, change the version, start it; undo all of it when it does not start."""
    configuration = _initialised()
    store = open_store(backup or str(home() / "backups"), configuration)
    version = GitVersion(to) if to else SameFiles()
    made = change_version(configuration, store, version, Progress())
    typer.echo(f"upgraded; backup {made.id} in {store.address} is the platform of before")


def destroy(yes: Yes = False) -> None:
    """Stop everything and delete all data and secrets of this platform."""
    data, env_file = home() / ".lakelet", home() / ".env"
    if not data.exists() and not env_file.exists():
        typer.echo("nothing to destroy")
        return
    if not yes:
        typer.echo(f"This deletes all data in {data} and the secrets in {env_file}.")
        if input("Type `destroy` to go on: ").strip() != "destroy":
            raise RefusedError("nothing was destroyed")
    progress = Progress()
    if env_file.exists():
        with progress.step("stop the services"):
            choose_runtime(_initialised())[0].remove()
    with progress.step("delete the data"):
        # Secrets last: data without them could not be stopped or read by a second try.
        shutil.rmtree(data, ignore_errors=False) if data.exists() else None
        env_file.unlink(missing_ok=True)


def home() -> Path:
    """Return the platform's home folder."""
    return Path(os.environ.get("LAKELET_HOME") or CHECKOUT).expanduser().resolve()


def _make_home() -> Path:
    """Return the home folder, made. Raises ConfigError when it is no folder to write to."""
    if problems := check_home(home()):
        raise ConfigError(problems[0].message)
    home().mkdir(parents=True, exist_ok=True)
    return home()


def _initialised() -> Settings:
    """Return the settings, with secrets added that an older version's `.env` did not have."""
    ensure_env_file(_make_home())
    return read_settings(home())
