"""Moving a platform to other servers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from bootstrap import migrate as moving
from bootstrap.backup import lake
from bootstrap.backup.blobs import Blobs
from bootstrap.backup.create import create
from bootstrap.backup.store import open_store
from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.commands.lifecycle import home
from bootstrap.compose.checks import check_disk, check_engine
from bootstrap.migrate_people import People, read_people, write_people
from bootstrap.migrate_rights import Rights, read_rights, write_rights
from bootstrap.migrate_views import Definitions, read_views, write_views
from bootstrap.platform_file import read_platform
from bootstrap.progress import Progress
from bootstrap.reconcile import Flow, reconcile
from bootstrap.reflections import apply_reflections, read_reflections
from bootstrap.runtime import choose_runtime, last_used
from bootstrap.runtime.compose import ComposeRuntime
from bootstrap.superset import import_assets
from bootstrap.up import provision
from services.common.errors import ConfigError, PermanentError, RefusedError, TransientError
from services.common.settings import CHECKOUT, Settings, read_settings


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.command()(migrate)


def migrate(
    to: Annotated[Literal["compose"], typer.Option(help="Where to: the vendors' servers.")],
    backup: Annotated[str, typer.Option(help="Where the backup before it goes.")] = "",
) -> None:
    """Move this embedded platform to the vendors' servers: the same tables, nothing synced anew."""
    settings, progress = read_settings(home()), Progress()
    target = _target(settings)
    before = _flows(settings)
    states = moving.read_states(Airbyte(settings))
    dremio = Dremio(settings)
    views, people = read_views(dremio), read_people(dremio, settings.admin_user)
    rights = read_rights(dremio, views, settings.admin_user)
    store = open_store(backup or str(home() / "backups"), settings)
    runtime = choose_runtime(settings)[0]
    manifest, _ = create(settings, runtime, store, progress)
    if moving.read_states(Airbyte(settings)) != states:
        raise TransientError("a sync ran meanwhile; nothing was moved: run the same command again")
    with progress.step("stop the embedded services"):
        runtime.down()
    with progress.step("start PostgreSQL, MinIO and Nessie"):
        target.up_only(target.bases)
    with tempfile.TemporaryDirectory(prefix="lakelet-migrate-") as spool:
        blobs = Blobs(store, Path(spool))
        with progress.step("move the databases") as step:
            differing = moving.move_databases(settings, manifest, blobs)
            if differing:
                raise PermanentError("not as they were:\n" + "\n".join(differing[:20]))
            step.detail = ", ".join(moving.MOVED_DATABASES)
        with progress.step("move the buckets and tables") as step:
            warehouses = lake.Warehouses(lambda bucket: moving.nessie(settings, bucket))
            client = lake.storage_client(settings)
            tables = moving.move_lake(manifest, blobs, client, warehouses)
            step.detail = f"{len(manifest.objects):,} objects, {len(tables)} tables"
    with progress.step("start the vendors' servers"):
        target.up(progress)
    provision(read_platform(settings), settings, progress)
    with progress.step("move the states of the syncs") as step:
        step.detail = ", ".join(moving.write_states(Airbyte(settings), states)) or "none"
    _move_definitions(settings, views, people, rights, progress)
    with progress.step("import the dashboards") as step:
        step.detail = import_assets(settings)
    with progress.step("apply the reflections"):
        apply_reflections(Dremio(settings), read_reflections(CHECKOUT / "reflections"))
    after = _flows(settings)
    if after != before:
        raise PermanentError(
            f"hops hold something else than before: {after} instead of {before}; the embedded "
            "platform's data is untouched: `lakelet down`, then RUNTIME=embedded in .env"
        )
    typer.echo(
        f"moved; backup {manifest.id} in {store.address} is the embedded platform, and its data "
        f"is still in {settings.data_dir}"
    )


def _move_definitions(
    settings: Settings, views: Definitions, people: People, rights: Rights, progress: Progress
) -> None:
    """Make what is defined in Dremio again; what cannot be made is told, and is no error."""
    dremio, file = Dremio(settings), settings.lakelet_home / "dremio-users.txt"
    with progress.step("move Dremio's users and roles") as step:
        users, left = write_people(dremio, people, file)
        step.detail = f"{', '.join(users)}: new passwords in {file}" if users else "none"
    with progress.step("move Dremio's functions and views") as step:
        made, unmade = write_views(dremio, views)
        step.detail = ", ".join(".".join(path) for path in made) or "none"
    with progress.step("move Dremio's policies, grants and owners") as step:
        step.detail, refused = write_rights(dremio, rights)
    for name, why in {**left, **unmade, **refused}.items():
        progress.note(f"  left behind: {name}: {why}")


def _target(settings: Settings) -> ComposeRuntime:
    """Return the runtime to move to. Raises before anything is changed when it cannot be."""
    if last_used(settings) != "embedded":
        raise RefusedError("only a platform that runs embedded can be moved to other servers")
    if settings.runtime == "embedded":
        raise ConfigError(f"RUNTIME=embedded: take that line out of {settings.env_file} first")
    target = ComposeRuntime(settings)
    if target.engines != "vendor":
        raise ConfigError("ENGINES=light: set ENGINES=vendor in .env; light engines are these")
    problems = check_engine() or check_disk(settings.lakelet_home, "vendor", new=True)
    if problems:
        raise RefusedError("\n".join(f"{p.check}: {p.message}" for p in problems))
    return target


def _flows(settings: Settings) -> list[Flow]:
    return reconcile(read_platform(settings), settings, Dremio(settings))
