"""The sources of the catalog as readable lakes, opened on first use."""

from __future__ import annotations

import threading
from dataclasses import replace
from urllib.parse import urlsplit

import duckdb

from services.common.settings import Settings
from services.dremio.state.catalog import sources
from services.dremio.state.catalog.entities import Entities, Entity
from services.dremio.state.lake.attach import Access, Attachments
from services.dremio.state.lake.facade import Facade
from services.dremio.state.lake.hadoop import HadoopCatalog
from services.dremio.state.lake.objects import Objects
from services.dremio.state.lake.rest import IcebergRest
from services.dremio.state.lake.source import LakeSource, Place
from services.dremio.state.lake.tables import Tables
from services.dremio.state.vault import Vault

_AWS = "s3.amazonaws.com"
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104


class Lakes:
    """Gives the open `LakeSource` of a source entity. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        database: duckdb.DuckDBPyConnection,
        entities: Entities,
        vault: Vault,
        facade: Facade,
    ) -> None:
        self._settings = settings
        self._entities = entities
        self._vault = vault
        self._facade = facade
        self._attachments = Attachments(database)
        self._open: dict[str, tuple[str, LakeSource]] = {}
        self._lock = threading.Lock()

    def of(self, entity: Entity) -> LakeSource:
        """Return the source's lake, opened anew when its settings have changed."""
        known = self._open.get(entity.id)
        if known and known[0] == entity.tag:
            return known[1]
        with self._lock:
            known = self._open.get(entity.id)
            if known and known[0] == entity.tag:
                return known[1]
            lake = self._opened(entity)
            if known:
                self._attachments.forget(known[1].name)
                known[1].close()
            self._open[entity.id] = (entity.tag, lake)
            return lake

    def database(self, lake: LakeSource, place: Place) -> str:
        """Return the name of the attached database that holds `place`."""
        plain = lake.rest.is_plain(place.bucket)
        return self._attachments.name(lake.name, place.bucket, lake.access, plain=plain)

    def files(self, lake: LakeSource, bucket: str) -> None:
        """Let the engine read a bucket's files. Raises DremioError (CONNECTION)."""
        self._attachments.files(lake.name, bucket, lake.access)

    def forget(self, entity: Entity) -> None:
        """Close what is open of a source that was removed."""
        with self._lock:
            known = self._open.pop(entity.id, None)
            if known:
                self._attachments.forget(known[1].name)
                known[1].close()

    def _opened(self, entity: Entity) -> LakeSource:
        access = self._access(entity)
        objects = Objects(
            access.s3_endpoint,
            access.access_key,
            access.secret_key,
            secure=access.secure,
            region=access.region,
        )
        plain = HadoopCatalog(objects)
        rest = (
            IcebergRest(access.iceberg_uri, access.access_key, access.secret_key)
            if access.iceberg_uri
            else None
        )
        uri = self._facade.serve(entity.id, plain)
        access = replace(access, plain_uri=uri, plain_key=self._facade.key)
        return LakeSource(entity.name, access, entity.body["config"], Tables(rest, plain), objects)

    def _access(self, entity: Entity) -> Access:
        config = entity.body["config"]
        given = sources.option(config, "fs.s3a.endpoint") or ""
        endpoint = given.partition("://")[2] or given
        keys = config.get("credentialType", "ACCESS_KEY") == "ACCESS_KEY"
        ours = keys and self._is_ours(endpoint)
        if ours:
            endpoint = self._settings.s3_endpoint
        region = sources.option(config, "fs.s3a.endpoint.region") or "us-east-1"
        path_style = sources.option(config, "fs.s3a.path.style.access")
        return Access(
            iceberg_uri=self._settings.iceberg_uri if ours else "",
            s3_endpoint=endpoint or _AWS,
            access_key=str(config.get("accessKey") or "") if keys else "",
            secret_key=sources.secret(config, "accessSecret", self._vault) if keys else "",
            secure=bool(config.get("secure", not ours)) and not ours,
            region=region,
            path_style=ours or (path_style or "").lower() == "true",
        )

    def _is_ours(self, endpoint: str) -> bool:
        given, ours = urlsplit(f"//{endpoint}"), urlsplit(f"//{self._settings.s3_endpoint}")
        same_host = given.hostname == ours.hostname or (
            given.hostname in _LOOPBACK and ours.hostname in _LOOPBACK
        )
        return same_host and given.port == ours.port
