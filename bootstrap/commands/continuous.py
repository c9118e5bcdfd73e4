"""Connections that bring changes all the time: pause, resume, and how far they are."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from bootstrap.clients.airbyte import Airbyte
from services.common.errors import LakeletError
from services.common.settings import Settings, settings

Name = Annotated[str, typer.Argument(help="The connection.")]


def register(app: typer.Typer) -> None:
    """Add this module's subcommands."""
    app.command()(pause)
    app.command()(resume)


def pause(connection: Name) -> None:
    """Pause a connection: its schedule rests, a continuous one ends after its present batch."""
    Airbyte(settings()).pause(connection, paused=True)


def resume(connection: Name) -> None:
    """Resume a paused connection, or a continuous one that failed or was cancelled."""
    Airbyte(settings()).pause(connection, paused=False)


def continuous_lines(of: Settings) -> list[str]:
    """Return a line for each continuous connection; none when Airbyte does not answer."""
    try:
        airbyte = Airbyte(of)
        found = airbyte.post("connections/list", {"workspaceId": airbyte.workspace})
    except LakeletError:
        return []
    lines = []
    for connection in found["connections"]:
        told = connection.get("continuousStatus")
        if told is None:
            continue
        at, lag = told.get("upToDateAt"), told.get("lagBytes")
        since = 0.0 if at is None else max(0.0, time.time() - float(at))
        behind = "nothing is read yet" if at is None else f"{since:.1f} s behind"
        kept = "" if lag is None else f", {int(lag) / 1e6:,.1f} MB of log kept"
        paused = "" if connection["status"] == "active" else " (paused)"
        lines.append(f"{connection['name']}: continuous{paused}, {behind}{kept}")
    return lines
