"""`.env` after a restore: the backup's secrets, this machine's ports and places."""

from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from bootstrap.environment import GENERATED, GENERATED_FOR_COMPOSE

# They say where something runs, not what it is: never taken over to another home.
_OF_THE_HOME = ("COMPOSE_PROJECT_NAME", "LAKELET_HOME", "RUNTIME")
_USERS = ("ADMIN_USER", "MINIO_ROOT_USER", "AIRBYTE_CLIENT_ID")


def merged(backup: str, present: Path) -> str:
    """Return the new `.env`: the backup's lines, with what only concerns the machine from here.

    Secrets and users are the backup's: what it holds is encrypted with them and asks for them.
    Every other line of a `.env` that is here already wins.
    """
    here = {k: v for k, v in dotenv_values(present).items() if v} if present.exists() else {}
    theirs = {*GENERATED, *GENERATED_FOR_COMPOSE, *_USERS}
    mine = {name: value for name, value in here.items() if name not in theirs}
    lines = []
    for line in backup.splitlines():
        name = line.partition("=")[0].strip()
        if name not in mine and name not in _OF_THE_HOME:
            lines.append(line)
    lines += [f"{name}={_quoted(value)}" for name, value in mine.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return f"'{value}'" if any(c in value for c in ' #"$') else value
