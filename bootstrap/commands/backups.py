"""Backups: make, list, check, bring back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.backup.create import create
from bootstrap.backup.manifest import Manifest, identifiers, read_manifest
from bootstrap.backup.prune import prune
from bootstrap.backup.restore import check, restore, unfinished, wipe
from bootstrap.backup.store import Store, open_store
from bootstrap.commands.lifecycle import home
from bootstrap.commands.options import Json, Yes, print_json
from bootstrap.output import plain_table, results_console
from bootstrap.progress import Progress
from bootstrap.runtime import choose_runtime
from services.common.errors import PermanentError, RefusedError
from services.common.settings import Settings, read_settings

Place = Annotated[str, typer.Argument(help="A folder, or s3://bucket/prefix (BACKUP_ENDPOINT …).")]


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.command("backup")(backup)
    app.command("backups")(backups)
    app.command("restore")(bring_back)


def backup(
    to: Place,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Remove older ones but for so many.")
    ] = None,
    json: Json = False,
) -> None:
    """Back up databases, buckets, tables, files and secrets; only what is new is copied."""
    settings = read_settings(home())
    progress = Progress()
    store = open_store(to, settings)
    manifest, new = create(settings, choose_runtime(settings)[0], store, progress)
    removed = prune(store, keep) if keep else []
    if json:
        print_json({**_summary(manifest), "new_bytes": new, "removed": removed})
    else:
        typer.echo(f"backup {manifest.id} in {store.address}: {new / 1e6:,.1f} MB new")
        for name in removed:
            typer.echo(f"removed: {name}")
        typer.echo(f"it holds the secrets of .env; bring it back with `lakelet restore {to}`")


def backups(
    at: Place,
    verify: Annotated[
        bool, typer.Option("--check", help="Read everything and compare its digests.")
    ] = False,
    json: Json = False,
) -> None:
    """List the backups of a place; with --check exit 1 when one is damaged."""
    store = open_store(at, _settings())
    rows, damaged = [], []
    for name in identifiers(store):
        manifest = read_manifest(store, name)
        found = _check(store, manifest) if verify else []
        damaged += found
        rows.append({**_summary(manifest), **({"damaged": found} if verify else {})})
    if json:
        print_json(rows)
    else:
        table = plain_table("backup", "made", "of", "tables", "objects", "bytes")
        for row in rows:
            values = (row["tables"], row["objects"], row["bytes"])
            counts = [f"{value:,}" for value in values]
            table.add_row(str(row["id"]), str(row["created"]), str(row["runtime"]), *counts)
        results_console().print(table if rows else f"no backups in {store.address}")
        for line in damaged:
            typer.echo(line)
        if verify and rows and not damaged:
            typer.echo("every part is as it was stored")
    if damaged:
        raise typer.Exit(1)


def bring_back(
    source: Place,
    which: Annotated[str | None, typer.Option("--backup", help="Its id; else the newest.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the data that is here first.")
    ] = False,
    start: Annotated[bool, typer.Option(help="Start all services afterwards.")] = True,
    yes: Yes = False,
) -> None:
    """Make this platform what a backup holds, and compare every table and object with it."""
    store = open_store(source, _settings())
    manifest = read_manifest(store, which)
    progress = Progress()
    if (home() / ".lakelet").exists():
        _make_room(progress, replace=replace, yes=yes)
    differing = restore(home(), store, manifest, progress)
    if differing:
        raise PermanentError("not as backed up:\n" + "\n".join(differing[:50]))
    if start:
        with progress.step("start the services"):
            choose_runtime(read_settings(home()))[0].up(progress)
    typer.echo(f"backup {manifest.id} is restored and compared: nothing differs")


def _make_room(progress: Progress, *, replace: bool, yes: bool) -> None:
    data = home() / ".lakelet"
    if not unfinished(home()):
        if not replace:
            raise RefusedError(f"{data} holds data: set --replace to delete it, or LAKELET_HOME")
        if not yes:
            typer.echo(f"This deletes all data in {data} first.")
            if input("Type `replace` to go on: ").strip() != "replace":
                raise RefusedError("nothing was changed")
    settings = _settings()
    if settings is None:
        raise RefusedError(f"{data} is there and {home() / '.env'} is not: move one of them")
    wipe(settings, progress)


def _settings() -> Settings | None:
    return read_settings(home()) if (home() / ".env").exists() else None


def _check(store: Store, manifest: Manifest) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="lakelet-check-") as folder:
        return check(store, manifest, Path(folder))


def _summary(manifest: Manifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "created": manifest.created,
        "runtime": manifest.runtime,
        "engines": manifest.engines,
        "databases": [d.name for d in manifest.databases],
        "tables": len(manifest.tables),
        "objects": len(manifest.objects),
        "bytes": sum(manifest.blobs().values()),
    }
