"""Dremio's sources: one S3 source for each layer, as one would add them to a vendor's Dremio.

Facts: Dremio's S3 source (type `S3`; fields accessKey, accessSecret, secure, rootPath,
defaultCtasFormat, propertyList) as dbt-dremio's own CI sets them for MinIO.
"""

from __future__ import annotations

from typing import Any

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import Platform
from services.common.settings import Settings


def ensure_layers(dremio: Dremio, platform: Platform, settings: Settings) -> list[str]:
    """Make or correct the source of each layer; return the names of those changed."""
    changed = []
    for name, root in platform.layers.items():
        wanted = _config(root, settings)
        present = dremio.by_path(name)
        if present is None:
            dremio.call("POST", "/api/v3/catalog", _entity(name, wanted))
            changed.append(name)
        elif not _agrees(present.get("config", {}), wanted):
            entity = {**_entity(name, wanted), "id": present["id"], "tag": present.get("tag")}
            dremio.call("PUT", f"/api/v3/catalog/{present['id']}", entity)
            changed.append(name)
    return changed


def _entity(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"entityType": "source", "type": "S3", "name": name, "config": config}


def _config(root: str, settings: Settings) -> dict[str, Any]:
    return {
        "credentialType": "ACCESS_KEY",
        "accessKey": "dremio",
        "accessSecret": settings.dremio_s3_secret_key.get_secret_value(),
        "secure": False,
        "rootPath": root,
        "defaultCtasFormat": "ICEBERG",
        "compatibilityMode": True,
        "propertyList": [
            {"name": "fs.s3a.path.style.access", "value": "true"},
            {"name": "fs.s3a.endpoint", "value": settings.s3_endpoint},
            {"name": "dremio.s3.compat", "value": "true"},
        ],
    }


def _agrees(present: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Compare what Dremio shows of a source; the secret it never shows."""
    shown = {key: value for key, value in wanted.items() if key != "accessSecret"}
    return all(present.get(key) == value for key, value in shown.items())
