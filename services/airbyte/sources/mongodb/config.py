"""The source's configuration, with the fields of Airbyte's source-mongodb-v2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from services.airbyte.cdk.failures import config_error

Json = dict[str, Any]

SELF_MANAGED, ATLAS = "SELF_MANAGED_REPLICA_SET", "ATLAS_REPLICA_SET"
LOOKUP, POST_IMAGE = "Lookup", "Post Image"
# What Atlas shows in a connection string to be replaced; Airbyte takes it out.
_PLACEHOLDERS = ("<username>:<password>@", "<db_username>:<db_password>@")


@dataclass(frozen=True)
class MongoConfig:
    """What the configuration says."""

    uri: str
    databases: tuple[str, ...]
    username: str | None
    password: str | None
    auth_source: str
    schema_enforced: bool
    sample_size: int
    discover_seconds: int
    queue_size: int
    post_images: bool
    resync: bool
    load_hours: float

    @classmethod
    def parse(cls, config: Json) -> MongoConfig:
        """Read a configuration. Raises ConnectorError (config_error) naming what is wrong."""
        cluster = config.get("database_config") or {}
        kind = cluster.get("cluster_type", SELF_MANAGED)
        if kind not in (SELF_MANAGED, ATLAS):
            raise config_error(f"cluster_type {kind} is not {SELF_MANAGED} or {ATLAS}")
        uri = str(cluster.get("connection_string") or "")
        for placeholder in _PLACEHOLDERS:
            uri = uri.replace(placeholder, "")
        if not uri.startswith(("mongodb://", "mongodb+srv://")):
            raise config_error(
                "connection_string has to begin with mongodb:// or mongodb+srv://, as in"
                " mongodb://db1.example.com:27017,db2.example.com:27017/?replicaSet=rs0"
            )
        user, found, _ = uri.partition("://")[2].partition("?")[0].rpartition("@")
        if found and ":" in user:
            raise config_error(
                "connection_string holds a password, and it is stored and shown in clear: take it"
                " out, and set username and password in database_config"
            )
        # `database` was the field before Airbyte's version 2.
        databases = cluster.get("databases") or [cluster.get("database")]
        if not any(databases):
            raise config_error("no databases: set databases in database_config to their names")
        mode = config.get("update_capture_mode", LOOKUP)
        if mode not in (LOOKUP, POST_IMAGE):
            raise config_error(f"update_capture_mode {mode} is not {LOOKUP!r} or {POST_IMAGE!r}")
        lost = config.get("invalid_cdc_cursor_position_behavior")
        return cls(
            uri=uri,
            databases=tuple(str(name) for name in databases if name),
            username=cluster.get("username") or None,
            password=cluster.get("password") or None,
            auth_source=cluster.get("auth_source") or "admin",
            schema_enforced=cluster.get("schema_enforced", True) is not False,
            sample_size=int(config.get("discover_sample_size") or 10_000),
            discover_seconds=int(config.get("discover_timeout_seconds") or 600),
            queue_size=min(10_000, max(1_000, int(config.get("queue_size") or 10_000))),
            post_images=mode == POST_IMAGE,
            resync=lost == "Re-sync data",
            load_hours=float(config.get("initial_load_timeout_hours") or 8),
        )

    @property
    def uri_options(self) -> dict[str, str]:
        """The options in the connection string, by lower-case name."""
        return {name.lower(): value for name, value in parse_qsl(self.uri.partition("?")[2])}

    @property
    def where(self) -> str:
        """The servers, for messages: without user, password and options."""
        hosts = self.uri.partition("://")[2].rpartition("@")[2]
        return hosts.partition("?")[0].rstrip("/")
