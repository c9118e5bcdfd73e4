"""Dremio's sources: one S3 source for each layer, as one would add them to a vendor's Dremio.

Where Nessie is the catalog, Airbyte's tables are known to it alone: bronze is a Nessie source then,
in the same bucket. dbt's tables stay in S3 sources.

Facts: Dremio's S3 source (type `S3`; fields accessKey, accessSecret, secure, rootPath,
defaultCtasFormat, propertyList) as dbt-dremio's own CI sets them for MinIO; its Nessie source (type
`NESSIE`; nessieEndpoint, nessieAuthType, awsAccessKey, awsAccessSecret, awsRootPath) as public
set-ups of Dremio 25 and 26 with Nessie and MinIO create it.
"""

from __future__ import annotations

from typing import Any

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import Platform
from services.common.settings import Settings

INGESTED = "bronze"


def ensure_layers(dremio: Dremio, platform: Platform, settings: Settings) -> list[str]:
    """Make or correct the source of each layer; return the names of those changed."""
    wanted = [source(name, root, settings) for name, root in platform.layers.items()]
    return [entity["name"] for entity in wanted if ensure_source(dremio, entity)]


def ensure_source(dremio: Dremio, wanted: dict[str, Any]) -> bool:
    """Make or correct one source; say whether anything had to be done."""
    present = dremio.by_path(wanted["name"])
    if present is None:
        dremio.call("POST", "/api/v3/catalog", wanted)
    elif differing(present, wanted):
        entity = {**wanted, "id": present["id"], "tag": present.get("tag")}
        dremio.call("PUT", f"/api/v3/catalog/{present['id']}", entity)
    else:
        return False
    return True


def differing(present: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return which settings Dremio shows otherwise than wanted; secrets it never shows."""
    shown = present.get("config", {})
    return [
        name
        for name, value in wanted["config"].items()
        if not name.endswith(("Secret", "password")) and shown.get(name) != value
    ]


def source(name: str, root: str, settings: Settings) -> dict[str, Any]:
    """Return the catalog entity of a layer's source."""
    nessie = bool(settings.nessie_uri) and name == INGESTED
    kind, config = ("NESSIE", _nessie(root, settings)) if nessie else ("S3", _s3(root, settings))
    properties = {
        "fs.s3a.path.style.access": "true",
        "fs.s3a.endpoint": settings.s3_endpoint,
        "dremio.s3.compat": "true",
    }
    config["propertyList"] = [{"name": k, "value": v} for k, v in properties.items()]
    return {"entityType": "source", "type": kind, "name": name, "config": config}


def _s3(root: str, settings: Settings) -> dict[str, Any]:
    return {
        "credentialType": "ACCESS_KEY",
        "accessKey": "dremio",
        "accessSecret": settings.dremio_s3_secret_key.get_secret_value(),
        "secure": False,
        "rootPath": root,
        "defaultCtasFormat": "ICEBERG",
        "compatibilityMode": True,
    }


def _nessie(root: str, settings: Settings) -> dict[str, Any]:
    return {
        "nessieEndpoint": settings.nessie_uri,
        "nessieAuthType": "NONE",
        "credentialType": "ACCESS_KEY",
        "awsAccessKey": "dremio",
        "awsAccessSecret": settings.dremio_s3_secret_key.get_secret_value(),
        "awsRootPath": root,
        "secure": False,
    }
