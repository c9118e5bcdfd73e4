"""Sources as clients configure them: checked, secrets sealed, and never told again."""

from __future__ import annotations

from typing import Any

from services.dremio.state.catalog.entities import Entity
from services.dremio.state.errors import validation
from services.dremio.state.sources import configs
from services.dremio.state.vault import Vault

# What Dremio's API shows instead of a secret; sent back, it keeps the stored one.
EXISTING = "$DREMIO_EXISTING_VALUE$"
SECRET_FIELDS = ("accessSecret", "password", "accountKey", "clientSecret", "token")


def sealed(
    kind: str, config: dict[str, Any], former: Entity | None, vault: Vault
) -> dict[str, Any]:
    """Return `config` ready to be stored. Raises DremioError (VALIDATION) saying what is wrong."""
    configs.check(kind, config)
    stored = dict(config)
    for name in SECRET_FIELDS:
        value = stored.get(name)
        if value == EXISTING:
            if former is None or name not in former.body["config"]:
                raise validation(f"{name}: there is no existing value to keep")
            stored[name] = former.body["config"][name]
        elif value:
            stored[name] = {"sealed": vault.seal(str(value))}
    return stored


def shown(config: dict[str, Any]) -> dict[str, Any]:
    """Return a stored configuration as the API may show it."""
    return {k: EXISTING if k in SECRET_FIELDS and v else v for k, v in config.items()}


def secret(config: dict[str, Any], name: str, vault: Vault) -> str:
    """Return a stored secret in the clear, '' when there is none."""
    value = config.get(name)
    return vault.unseal(value["sealed"]) if isinstance(value, dict) else ""


def option(config: dict[str, Any], name: str) -> str | None:
    """Return one of the source's connection properties (`propertyList`)."""
    for entry in config.get("propertyList") or []:
        if entry.get("name") == name:
            return str(entry.get("value"))
    return None
