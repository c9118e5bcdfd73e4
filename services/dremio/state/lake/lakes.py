"""The sources of the catalog as readable lakes, opened on first use."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import duckdb

from services.common.settings import Settings
from services.dremio.state.catalog import sources
from services.dremio.state.catalog.entities import Entities, Entity
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.attach import Access, Attachments
from services.dremio.state.lake.source import LakeSource, Place
from services.dremio.state.vault import Vault

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104


class Lakes:
    """Gives the open `LakeSource` of a source entity. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        database: duckdb.DuckDBPyConnection,
        entities: Entities,
        vault: Vault,
    ) -> None:
        self._settings = settings
        self._entities = entities
        self._vault = vault
        self._attachments = Attachments(database)
        self._open: dict[str, tuple[str, LakeSource]] = {}
        self._lock = threading.Lock()

    def of(self, entity: Entity) -> LakeSource:
        """Return the source's lake. Raises DremioError (CONNECTION) when it has no catalog here."""
        known = self._open.get(entity.id)
        if known and known[0] == entity.tag:
            return known[1]
        with self._lock:
            known = self._open.get(entity.id)
            if known and known[0] == entity.tag:
                return known[1]
            lake = LakeSource(entity.name, self._access(entity), entity.body["config"])
            if known:
                self._attachments.forget(known[1].name)
                known[1].close()
            self._open[entity.id] = (entity.tag, lake)
            return lake

    def database(self, lake: LakeSource, place: Place) -> str:
        """Return the name of the attached database that holds `place`."""
        return self._attachments.name(lake.name, place.bucket, lake.access)

    def forget(self, entity: Entity) -> None:
        """Close what is open of a source that was removed."""
        with self._lock:
            known = self._open.pop(entity.id, None)
            if known:
                self._attachments.forget(known[1].name)
                known[1].close()

    def _access(self, entity: Entity) -> Access:
        config = entity.body["config"]
        endpoint = sources.option(config, "fs.s3a.endpoint") or ""
        if not self._is_ours(endpoint):
            raise DremioError(
                ErrorKind.CONNECTION,
                f"Source '{entity.name}': no Iceberg catalog is known for the S3 endpoint "
                f"{endpoint or '(AWS)'!r}; set fs.s3a.endpoint to {self._settings.s3_endpoint}",
            )
        return Access(
            iceberg_uri=self._settings.iceberg_uri,
            s3_endpoint=self._settings.s3_endpoint,
            access_key=str(config.get("accessKey") or ""),
            secret_key=sources.secret(config, "accessSecret", self._vault),
        )

    def _is_ours(self, endpoint: str) -> bool:
        given, ours = urlsplit(f"//{endpoint}"), urlsplit(f"//{self._settings.s3_endpoint}")
        same_host = given.hostname == ours.hostname or (
            given.hostname in _LOOPBACK and ours.hostname in _LOOPBACK
        )
        return same_host and given.port == ours.port
