"""`.env`: settings that the user may change and secrets that are generated, never defaulted."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from services.common.errors import ConfigError
from services.common.ports import PORTS
from services.common.settings import WELL_KNOWN, Settings

# Twenty-four random bytes: 192 bits, 32 characters of the URL-safe alphabet.
_BYTES = 24

GENERATED = tuple(
    name.upper()
    for name, field in Settings.model_fields.items()
    if field.is_required() and "SecretStr" in str(field.annotation)
)

# Of servers that only the Compose runtime has: nothing of ours reads them, so no setting.
GENERATED_FOR_COMPOSE = (
    "NESSIE_DB_PASSWORD",
    "MONITOR_DB_PASSWORD",
    "VALKEY_PASSWORD",
    "KIBANA_PASSWORD",
    "KIBANA_ENCRYPTION_KEY",
    "SHIPPER_PASSWORD",
    "NOTEBOOKS_TOKEN",
)

# What decides where a platform answers and what of it runs: as good as lost when it was given
# to one command alone.
_KEPT = ("PORT_OFFSET", *(port.setting for port in PORTS), "BIND_ADDRESS", "MONITORING", "ENGINES")


def keep_given(home: Path, environment: Mapping[str, str]) -> list[str]:
    """Write to `<home>/.env` what `environment` says of places and parts and the file does not.

    `PORT_OFFSET=100 make up` would else be followed by a `make status` that looks elsewhere.
    Returns the lines added.
    """
    present = dotenv_values(home / ".env")
    given = [f"{n}={environment[n]}" for n in _KEPT if environment.get(n) and not present.get(n)]
    if given:
        _append(home / ".env", "".join(f"{line}\n" for line in given))
    return given


def ensure_value(home: Path, name: str, value: str) -> str:
    """Return what `<home>/.env` says for `name`; write `value` there when it says nothing."""
    path = home / ".env"
    present = dotenv_values(path).get(name) if path.exists() else None
    if present:
        return present
    _append(path, f"{name}={value}\n")
    return value


def set_values(home: Path, values: Mapping[str, str]) -> list[str]:
    """Have `<home>/.env` say exactly this, other lines as they are; return the names changed.

    A name that is not there and shall be empty is left out.
    """
    path = home / ".env"
    present = dotenv_values(path)
    changed = [name for name, value in values.items() if (present.get(name) or "") != value]
    if changed:
        lines = [line for line in path.read_text().splitlines() if _name(line) not in changed]
        lines += [f"{name}={values[name]}" for name in changed if values[name]]
        _replace(path, "".join(f"{line}\n" for line in lines))
    return changed


def ensure_env_file(home: Path) -> list[str]:
    """Add to `<home>/.env` each secret that it lacks; return the names of those added.

    The file is made with mode 600 and is brought back to it; lines that are there stay as
    they are, so a run that was killed half-way only adds what is still missing. Raises ConfigError
    for a secret that everybody knows.
    """
    path = home / ".env"
    path.touch(mode=0o600)
    path.chmod(0o600)
    present = {key for key, value in dotenv_values(path).items() if value}
    check_known(dotenv_values(path))
    missing = [n for n in (*GENERATED, *GENERATED_FOR_COMPOSE) if n not in present]
    if missing:
        _append(path, "".join(f"{name}={_generated()}\n" for name in missing))
    return missing


def stand_ins(home: Path) -> dict[str, str]:
    """Return a value for each secret that neither `<home>/.env` nor the environment has.

    For a look at what would be started, before anything is: nothing is written.
    """
    known = {**dotenv_values(home / ".env"), **os.environ}
    wanted = (*GENERATED, *GENERATED_FOR_COMPOSE)
    return {name: _generated() for name in wanted if not known.get(name)}


def check_known(values: Mapping[str, str | None]) -> None:
    """Raise ConfigError for a secret that stands in examples."""
    for name in (*GENERATED, *GENERATED_FOR_COMPOSE):
        if (values.get(name) or "").lower() in WELL_KNOWN:
            raise ConfigError(
                f"{name} is a password that everybody knows: take the line out of .env, and one is "
                "generated"
            )


def _generated() -> str:
    """Return a new secret; Dremio takes no password without a letter and a number."""
    while True:
        secret = secrets.token_urlsafe(_BYTES)
        if any(c.isdigit() for c in secret) and any(c.isalpha() for c in secret):
            return secret


def _name(line: str) -> str:
    return line.partition("=")[0].removeprefix("export ").strip()


def _append(path: Path, lines: str) -> None:
    """Add whole lines, all or none of them."""
    text = path.read_text()
    if text and not text.endswith("\n"):
        text += "\n"
    _replace(path, text + lines)


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(".env.unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
