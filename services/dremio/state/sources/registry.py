"""The catalog's source entities as open sources, by their types."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import duckdb

from services.common.settings import Settings
from services.dremio.state.catalog import sources as stored
from services.dremio.state.catalog.entities import Entities, Entity
from services.dremio.state.files.datasets import FileDatasets
from services.dremio.state.files.local import LocalTree
from services.dremio.state.files.s3 import S3Tree
from services.dremio.state.files.tree import Tree
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.sources import configs
from services.dremio.state.sources.elastic import Elastic
from services.dremio.state.sources.gateway import open_gateway
from services.dremio.state.sources.model import Source
from services.dremio.state.sources.nas import NasSource
from services.dremio.state.sources.promoted import Promoted
from services.dremio.state.sources.relational import MYSQL, POSTGRES, Kind, Relational
from services.dremio.state.sources.s3 import S3Source
from services.dremio.state.vault import Vault


class Sources:
    """Gives the open source of an entity; opened on first use. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        database: duckdb.DuckDBPyConnection,
        lakes: Lakes,
        entities: Entities,
        vault: Vault,
    ) -> None:
        self._settings = settings
        self._duckdb = database
        self._lakes = lakes
        self._entities = entities
        self._vault = vault
        self._gateway: duckdb.DuckDBPyConnection | None = None
        self._open: dict[str, tuple[str, Source]] = {}
        self._lock = threading.Lock()
        self._makers: dict[str, Callable[[Entity, dict[str, Any]], Source]] = {
            "S3": self._s3,
            "POSTGRES": lambda e, c: self._database(e, c, POSTGRES),
            "MYSQL": lambda e, c: self._database(e, c, MYSQL),
            "ELASTIC": self._elastic,
            "NAS": self._nas,
        }

    def of(self, entity: Entity) -> Source:
        """Return the source of an entity, opened anew when its settings have changed."""
        known = self._open.get(entity.id)
        if known and known[0] == entity.tag:
            return known[1]
        with self._lock:
            known = self._open.get(entity.id)
            if known and known[0] == entity.tag:
                return known[1]
            if known:
                known[1].close()
            source = self._makers[entity.body["type"]](entity, entity.body["config"])
            self._open[entity.id] = (entity.tag, source)
            return source

    def forget(self, entity: Entity) -> None:
        """Close what is open of a source that was removed."""
        with self._lock:
            known = self._open.pop(entity.id, None)
            if known:
                known[1].close()
        self._lakes.forget(entity)

    def _s3(self, entity: Entity, config: dict[str, Any]) -> Source:
        lake = self._lakes.of(entity)
        keys = bool(config.get("isPartitionInferenceEnabled"))
        promoted = self._promoted(entity, S3Tree(lake.objects, lake.root), keys=keys)
        return S3Source(entity, self._lakes, promoted)

    def _nas(self, entity: Entity, config: dict[str, Any]) -> Source:
        tree = LocalTree(self._settings.inbox_dir, str(config["path"]))
        keys = bool(config.get("isPartitionInferenceEnabled"))
        return NasSource(self._promoted(entity, tree, keys=keys))

    def _promoted(self, entity: Entity, tree: Tree, *, keys: bool) -> Promoted:
        datasets = FileDatasets(self._duckdb, tree, keys=keys)
        return Promoted(entity, self._entities, tree, datasets)

    def _database(self, entity: Entity, config: dict[str, Any], kind: Kind) -> Source:
        secret = {"HOST": str(config["hostname"]), "PORT": str(configs.port(config["port"]))}
        if config.get("databaseName") and kind is POSTGRES:
            secret["DATABASE"] = str(config["databaseName"])
        if config.get("authenticationType", "MASTER") == "MASTER":
            secret["USER"] = str(config["username"])
            secret["PASSWORD"] = stored.secret(config, "password", self._vault)
        options = "connect_timeout=10" if kind is POSTGRES else ""
        if config.get("useSsl"):
            options += " sslmode=require" if kind is POSTGRES else "ssl_mode=required"
        if self._gateway is None:
            self._gateway = open_gateway(self._settings)
        return Relational(entity.name, kind, self._gateway, secret, options)

    def _elastic(self, entity: Entity, config: dict[str, Any]) -> Source:
        host, port = configs.hosts(config)[0]
        anonymous = config.get("authenticationType", "ANONYMOUS") == "ANONYMOUS"
        return Elastic(
            entity.name,
            f"{'https' if config.get('sslEnabled') else 'http'}://{host}:{port}",
            "" if anonymous else str(config.get("username") or ""),
            stored.secret(config, "password", self._vault),
            int(config.get("scrollSize") or 0),
            show_id=bool(config.get("showIdColumn")),
        )
