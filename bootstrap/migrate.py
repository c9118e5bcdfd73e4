"""From the embedded runtime to the vendors' servers: the same tables, nothing synced again.

The buckets move as they are, bronze's tables are registered with Nessie, the others get the
`version-hint.text` by which Dremio's S3 source finds an Iceberg table's document. Airbyte's states
go from connection to connection, dashboards and samples with their databases, Dremio's views and
users over its API (`migrate_views`, `migrate_people`). What belongs to an engine itself (Dremio's
jobs, Airbyte's history) is made anew or stays behind: docs/scaling.md lists it.
"""

from __future__ import annotations

import io
import re
from typing import Any

from minio import Minio

from bootstrap.backup import databases, lake
from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import LakeTable, Manifest
from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.iceberg import Catalog
from services.common.errors import NotFoundError, PermanentError
from services.common.settings import Settings

# Their applications are the same in both runtimes; the engines' own stores are not.
MOVED_DATABASES = ("superset", "shop")
# Which of the lake's buckets Airbyte writes through a catalog.
CATALOGUED = ("bronze",)
States = dict[str, dict[str, Any]]

_VERSION = re.compile(r"/metadata/v(\d+)\.metadata\.json$")


def read_states(airbyte: Airbyte) -> States:
    """Return each connection's state by the connection's name."""
    body = {"workspaceId": airbyte.workspace}
    return {
        connection["name"]: airbyte.post("state/get", {"connectionId": connection["connectionId"]})
        for connection in airbyte.post("connections/list", body)["connections"]
    }


def write_states(airbyte: Airbyte, states: States) -> list[str]:
    """Give the connections of the same names their states; return the names of those that had one.

    Raises NotFoundError for a connection that is missing: its next sync would read all anew.
    """
    moved = []
    for name, state in states.items():
        if state["stateType"] == "not_set":
            continue
        identity = airbyte.connection_id(name)
        new = {**state, "connectionId": identity}
        body = {"connectionId": identity, "connectionState": new}
        airbyte.post("state/create_or_update", body)
        moved.append(name)
    return moved


def move_lake(
    manifest: Manifest, blobs: Blobs, client: Minio, warehouses: lake.Warehouses
) -> list[LakeTable]:
    """Put the buckets into the new storage and make their tables findable; return the tables.

    `warehouses`: the new storage's catalog. Raises PermanentError for a table whose document is
    not named `v<N>.metadata.json`, which no version hint could point to.
    """
    wanted = [n for n in manifest.namespaces if n.bucket in CATALOGUED]
    lake.restore_namespaces(wanted, warehouses)
    lake.restore_objects(client, manifest.objects, blobs)
    for table in manifest.tables:
        write_hint(client, table)
    catalogued = [t for t in manifest.tables if t.bucket in CATALOGUED]
    lake.restore_tables(catalogued, client, warehouses)
    return manifest.tables


def write_hint(client: Minio, table: LakeTable) -> None:
    """Write the number of the table's document where Hadoop's Iceberg tables keep it."""
    location = table.metadata_location
    found = _VERSION.search(location)
    if not found:
        raise PermanentError(f"{location} has no version in its name; OPTIMIZE the table first")
    bucket, _, key = location.partition("://")[2].partition("/")
    hint = key.rpartition("/")[0] + "/version-hint.text"
    number = found[1].encode()
    client.put_object(bucket, hint, io.BytesIO(number), len(number))


def move_databases(settings: Settings, manifest: Manifest, blobs: Blobs) -> list[str]:
    """Restore the applications' databases into the new PostgreSQL; return what differs (nothing).

    Their roles are there: the new servers' bootstrap made them from the same `.env`.
    """
    chosen = [d for d in manifest.databases if d.name in MOVED_DATABASES]
    missing = set(MOVED_DATABASES) - {d.name for d in chosen}
    if missing:
        raise NotFoundError(f"the backup holds no database {', '.join(sorted(missing))}")
    databases.restore_databases(settings, manifest.roles, chosen, blobs)
    return databases.compare_databases(settings, chosen)


def nessie(settings: Settings, bucket: str) -> Catalog:
    """Return one warehouse of Nessie, as this machine reaches it."""
    return Catalog(f"http://{settings.iceberg_host}:{settings.iceberg_port}/iceberg", bucket)
