"""Airbyte's Config API as a client calls it, and a reader of what a sync brought."""

from __future__ import annotations

import time
from typing import Any

import duckdb
import httpx
import psycopg
from duckdb_extensions import import_extension
from pyiceberg.table import Table

from services.airbyte.destination.catalog import LakeConfig, open_catalog
from services.common.settings import Settings
from services.common.waiting import wait_until
from tests.support.platform import Home

POSTGRES = "decd338e-5647-4c0b-adf4-da0e75f5a750"
MYSQL = "435bb9a5-7887-4809-aa58-28c27df0d7ad"
MONGODB = "b2e713cd-cc36-4c0a-b5bd-b47cb8a0561e"
SQLSERVER = "b5ea17b1-f170-46dc-bc31-cc744ca984c1"
FILE = "778daa7c-feaf-4db6-96f3-70fd645acc77"
LAKE = "716ca874-520b-4902-9f80-9fad66754b89"
ENDED = ("succeeded", "failed", "cancelled")

Json = dict[str, Any]


class Airbyte:
    """One server with its database and storage."""

    def __init__(self, home: Home) -> None:
        self.home, self.settings = home, home.settings
        secret = self.settings.admin_password.get_secret_value()
        self.http = httpx.Client(
            base_url=f"{self.settings.airbyte_url}/api/v1",
            auth=(self.settings.admin_user, secret),
            timeout=120,
        )
        self.workspace = self.post("workspaces/list")["workspaces"][0]["workspaceId"]

    def raw(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def post(self, path: str, **body: Any) -> Any:
        answer = self.raw(path, **body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def shop(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.settings.postgres_dsn("shop"), autocommit=True)

    def own_database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.settings.postgres_dsn("airbyte"), autocommit=True)

    def postgres_config(self, **changes: Any) -> Json:
        return {
            "host": "127.0.0.1",
            "port": self.settings.postgres_port,
            "database": "shop",
            "schemas": ["public"],
            "username": "shop",
            "password": self.settings.shop_db_password.get_secret_value(),
            "ssl_mode": {"mode": "disable"},
            "replication_method": {"method": "Standard"},
            "tunnel_method": {"tunnel_method": "NO_TUNNEL"},
            **changes,
        }

    def source(self, config: Json, definition: str = POSTGRES, name: str = "shop") -> str:
        made = self.post(
            "sources/create",
            workspaceId=self.workspace,
            sourceDefinitionId=definition,
            name=name,
            connectionConfiguration=config,
        )
        return str(made["sourceId"])

    def destination(self, **changes: Any) -> str:
        config = {
            "access_key_id": "airbyte",
            "secret_access_key": self.settings.airbyte_s3_secret_key.get_secret_value(),
            "s3_bucket_name": "bronze",
            "s3_bucket_region": "us-east-1",
            "s3_endpoint": f"http://{self.settings.s3_endpoint}",
            "warehouse_location": "s3://bronze/",
            "main_branch_name": "main",
            "catalog_type": {
                "catalog_type": "REST",
                "server_uri": self.settings.iceberg_uri,
                "namespace": "bronze",
            },
            **changes,
        }
        made = self.post(
            "destinations/create",
            workspaceId=self.workspace,
            destinationDefinitionId=LAKE,
            name="lake",
            connectionConfiguration=config,
        )
        return str(made["destinationId"])

    def catalog(self, source: str) -> list[Json]:
        return list(self.post("sources/discover_schema", sourceId=source)["catalog"]["streams"])

    def connect(self, source: str, namespace: str, streams: dict[str, Json], **fields: Any) -> str:
        """Make a connection; `streams` gives each stream's config changes."""
        entries = []
        for entry in self.catalog(source):
            changes = streams.get(entry["stream"]["name"])
            if changes is not None:
                entries.append({**entry, "config": {**entry["config"], **changes}})
        assert len(entries) == len(streams), "a stream was not discovered"
        body = {
            "name": namespace,
            "sourceId": source,
            "destinationId": self.destination(),
            "namespaceDefinition": "customformat",
            "namespaceFormat": namespace,
            "prefix": "",
            "status": "active",
            "scheduleType": "manual",
            "syncCatalog": {"streams": entries},
            **fields,
        }
        return str(self.post("connections/create", **body)["connectionId"])

    def without_mappers(self) -> None:
        """Take all mappers out: airbyte-api 1.0.1 cannot read a list with one in it."""
        listed = self.post("connections/list_all", workspaceId=self.workspace)["connections"]
        for one in listed:
            entries = one["syncCatalog"]["streams"]
            if any(entry["config"].get("mappers") for entry in entries):
                for entry in entries:
                    entry["config"] |= {"mappers": [], "hashedFields": []}
                body = {"syncCatalog": one["syncCatalog"]}
                self.post("connections/update", connectionId=one["connectionId"], **body)

    def start(self, connection: str, operation: str = "sync") -> int:
        return int(self.post(f"connections/{operation}", connectionId=connection)["job"]["id"])

    def wait(self, job: int, seconds: float = 120) -> Json:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                info = self.post("jobs/get", id=job)
            except httpx.TransportError:  # the server is being restarted
                time.sleep(0.1)
                continue
            if info["job"]["status"] in ENDED:
                return dict(info)
            time.sleep(0.05)
        raise AssertionError(f"job {job} did not end: {info}")

    def sync(self, connection: str, operation: str = "sync") -> Json:
        info = self.wait(self.start(connection, operation))
        summary = info["attempts"][-1]["attempt"].get("failureSummary") or {"failures": []}
        assert info["job"]["status"] == "succeeded", [
            failure["externalMessage"] for failure in summary["failures"]
        ]
        return info

    def failure(self, connection: str) -> Json:
        """Sync what cannot work and return the one failure."""
        info = self.wait(self.start(connection))
        assert info["job"]["status"] == "failed", info
        return dict(info["attempts"][-1]["attempt"]["failureSummary"]["failures"][0])


def end_continuous(airbyte: Airbyte, connection: str) -> None:
    """Pause a continuous connection and wait until its job has ended."""
    airbyte.post("connections/update", connectionId=connection, status="inactive")

    def ended() -> bool:
        asked = {"configTypes": ["sync"], "configId": connection}
        return all(
            one["job"]["status"] in ENDED for one in airbyte.post("jobs/list", **asked)["jobs"]
        )

    wait_until(ended, seconds=60, what="the continuous job's end")


def lake(settings: Settings) -> duckdb.DuckDBPyConnection:
    """DuckDB attached to the bronze warehouse, as any reader of the tables would be."""
    duck = duckdb.connect()
    for extension in ("httpfs", "icu", "avro", "iceberg"):
        import_extension(extension, con=duck)  # from its wheel, into whatever home there is
        duck.execute(f"LOAD {extension}")
    duck.execute("SET TimeZone = 'UTC'")
    secret = settings.airbyte_s3_secret_key.get_secret_value()
    duck.execute(
        f"CREATE SECRET s3 (TYPE s3, KEY_ID 'airbyte', SECRET '{secret}', REGION 'us-east-1',"
        f" ENDPOINT '{settings.s3_endpoint}', URL_STYLE path, USE_SSL false)"
    )
    duck.execute(
        f"CREATE SECRET ic (TYPE iceberg, CLIENT_ID 'airbyte', CLIENT_SECRET '{secret}',"
        f" OAUTH2_SERVER_URI '{settings.iceberg_uri}/v1/oauth/tokens')"
    )
    duck.execute(
        f"ATTACH 'bronze' AS bronze (TYPE iceberg, ENDPOINT '{settings.iceberg_uri}', SECRET ic)"
    )
    return duck


def bronze_table(settings: Settings, namespace: str, name: str) -> Table:
    """Load a table of bronze with PyIceberg."""
    place = LakeConfig(
        server_uri=settings.iceberg_uri,
        warehouse="bronze",
        namespace="bronze",
        endpoint=settings.s3_endpoint,
        secure=False,
        region="us-east-1",
        key="airbyte",
        secret=settings.airbyte_s3_secret_key.get_secret_value(),
    )
    return open_catalog(place).load_table((namespace, name))


def rows(settings: Settings, query: str) -> list[Any]:
    with lake(settings) as duck:
        return duck.execute(query).fetchall()
