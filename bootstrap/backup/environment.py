"""`.env` after a restore: the backup's secrets, this machine's ports and places."""

from __future__ import annotations

from pathlib import Path

from bootstrap.environment import GENERATED, GENERATED_FOR_COMPOSE

# They say where something runs, not what it is: never taken over to another home.
_OF_THE_HOME = ("COMPOSE_PROJECT_NAME", "LAKELET_HOME", "RUNTIME")
_USERS = (
    "ADMIN_USER",
    "MINIO_ROOT_USER",
    "AIRBYTE_CLIENT_ID",
    "DBT_DREMIO_USER",
    "DBT_DREMIO_PASSWORD",
)


def merged(backup: str, present: Path) -> str:
    """Return the new `.env`: the backup's lines, with what only concerns the machine from here.

    Secrets and users are the backup's: what it holds is encrypted with them and asks for them.
    Every other line of a `.env` that is here already wins.
    """
    here = _lines(present.read_text()) if present.exists() else {}
    theirs = {*GENERATED, *GENERATED_FOR_COMPOSE, *_USERS}
    mine = {name: line for name, line in here.items() if name not in theirs}
    kept = [
        line
        for line in backup.splitlines()
        if (name := _name(line)) not in mine and name not in _OF_THE_HOME
    ]
    return "\n".join([*kept, *mine.values()]) + "\n"


def _lines(text: str) -> dict[str, str]:
    """Return the lines that set something, by what they set."""
    found = {_name(line): line for line in text.splitlines()}
    return {name: line for name, line in found.items() if name and line.partition("=")[2].strip()}


def _name(line: str) -> str:
    name, sign, _ = line.partition("=")
    return "" if line.lstrip().startswith("#") or not sign else name.strip()
