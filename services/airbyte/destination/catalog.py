"""The destination's configuration: its catalog, its names, its errors in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import requests
from pyiceberg import exceptions
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.rest import RestCatalog

from services.airbyte.cdk.catalog import ConfiguredStream
from services.airbyte.cdk.failures import config_error, transient_error
from services.airbyte.cdk.naming import table_name

Json = dict[str, Any]


@dataclass(frozen=True)
class LakeConfig:
    """What a sync needs of the destination's configuration."""

    server_uri: str
    warehouse: str
    namespace: str
    endpoint: str
    secure: bool
    region: str
    key: str
    secret: str

    @classmethod
    def parse(cls, config: Json) -> LakeConfig:
        """Read the fields of Airbyte's S3 Data Lake. Raises ConnectorError for what is not REST."""
        catalog = config["catalog_type"]
        kind = catalog.get("catalog_type", "REST")
        if kind != "REST":
            raise config_error(
                f"catalog_type {kind} is not supported; set catalog_type to REST with server_uri",
                at="destination",
            )
        endpoint = config.get("s3_endpoint") or "https://s3.amazonaws.com"
        scheme, _, host = endpoint.rpartition("://")
        warehouse = config["warehouse_location"].removeprefix("s3://").rstrip("/")
        return cls(
            server_uri=catalog["server_uri"].rstrip("/"),
            warehouse=warehouse,
            namespace=catalog.get("namespace") or "bronze",
            endpoint=host.rstrip("/"),
            secure=scheme == "https",
            region=config.get("s3_bucket_region") or "us-east-1",
            key=config.get("access_key_id") or "",
            secret=config.get("secret_access_key") or "",
        )


def open_catalog(config: LakeConfig) -> RestCatalog:
    """Connect to the catalog. Raises ConnectorError."""
    properties = {
        "type": "rest",
        "uri": config.server_uri,
        "warehouse": config.warehouse,
        "s3.endpoint": f"{'https' if config.secure else 'http'}://{config.endpoint}",
        "s3.access-key-id": config.key,
        "s3.secret-access-key": config.secret,
        "s3.region": config.region,
        "s3.force-virtual-addressing": "false",
    }
    if config.key:
        properties |= {
            "credential": f"{config.key}:{config.secret}",
            "oauth2-server-uri": f"{config.server_uri}/v1/oauth/tokens",
        }
    catalog = load_catalog("destination", **properties)
    if not isinstance(catalog, RestCatalog):
        raise config_error("the catalog is not a REST catalog", at="destination")
    return catalog


def explain(error: Exception, config: LakeConfig) -> Exception:
    """Return an error of the catalog or the storage as a ConnectorError that says what to do."""
    text = f"{type(error).__name__}: {error}"
    refused = (
        exceptions.UnauthorizedError,
        exceptions.ForbiddenError,
        exceptions.OAuthError,
        exceptions.AuthorizationExpiredError,
    )
    if isinstance(error, refused) or "HTTP code 403" in text or "invalid_client" in text:
        return config_error(
            f"the catalog at {config.server_uri} or S3 at {config.endpoint} refused access key"
            f" {config.key!r}: set access_key_id and secret_access_key of the destination",
            text,
            at="destination",
        )
    away = (requests.ConnectionError, requests.Timeout, exceptions.ServiceUnavailableError)
    if isinstance(error, away):
        return transient_error(
            f"the catalog at {config.server_uri} cannot be reached: is the storage running?",
            text,
            at="destination",
        )
    if isinstance(error, exceptions.CommitFailedException | exceptions.CommitStateUnknownException):
        return transient_error(
            "the table was changed by someone else at the same time; the sync tries again",
            text,
            at="destination",
        )
    if isinstance(error, duckdb.OutOfMemoryException) and "max_temp_directory_size" not in text:
        return config_error(
            "the rows of the stream do not fit into the memory that a sync has: deselect the"
            " columns with the longest values or those that are not needed, or sync the stream"
            " without deduplication, which holds the fewest rows at a time",
            text,
            at="destination",
        )
    return transient_error(
        f"writing to warehouse {config.warehouse!r} at {config.server_uri} failed: {error}",
        text,
        at="destination",
    )


def table_identifier(
    config: LakeConfig,
    stream: ConfiguredStream,
    *,
    definition: str,
    namespace_format: str | None,
    prefix: str,
) -> tuple[str, ...]:
    """Return namespace and name of the stream's table."""
    return table_name(
        stream.namespace,
        stream.name,
        default=config.namespace,
        definition=definition,
        namespace_format=namespace_format,
        prefix=prefix,
    )
