"""The one settings object: read once from the environment and `.env`, then frozen.

`.env` lies in the platform's home (`LAKELET_HOME`, default: the checkout); everything
the platform writes lies in `<home>/.lakelet`. An environment variable wins over `.env`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    computed_field,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common import ports
from services.common.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[2]

# Where each service is reached; by default where it listens. In containers that is a name.
_HOSTS = (
    "postgres_host",
    "s3_host",
    "iceberg_host",
    "dremio_host",
    "airbyte_host",
    "superset_host",
    "elasticsearch_host",
    "exporter_host",
)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening on all interfaces

# What stands in examples, and is tried first by whoever wants in.
WELL_KNOWN = frozenset(
    {"changeme", "changeme1", "changeme123", "change-me", "password", "password1", "password123"}
    | {"administrator", "admin123", "minioadmin", "minio123", "postgres", "superset", "dremio123"}
    | {"secretkey", "12345678", "123456789", "letmein1", "qwertyui"}
)


def _own(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value().lower() in WELL_KNOWN:
        raise ValueError("is one that everybody knows: take the line out, and one is generated")
    return secret


Secret = Annotated[SecretStr, Field(min_length=8), AfterValidator(_own)]


class Settings(BaseSettings):
    """What the user may set; `.env.example` documents each one."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    lakelet_home: Path = CHECKOUT
    runtime: str = "auto"
    bind_address: str = "127.0.0.1"
    log_level: str = "INFO"

    postgres_host: str
    s3_host: str
    iceberg_host: str
    dremio_host: str
    airbyte_host: str
    superset_host: str
    elasticsearch_host: str
    exporter_host: str

    iceberg_path: str = ""  # Nessie: /iceberg
    nessie_uri: str = ""  # Nessie's own API: bronze is then a Nessie source of Dremio

    postgres_port: int
    s3_port: int
    iceberg_port: int
    s3_grpc_port: int
    storage_master_port: int
    storage_master_grpc_port: int
    storage_volume_port: int
    storage_volume_grpc_port: int
    storage_filer_port: int
    storage_filer_grpc_port: int
    storage_admin_port: int
    dremio_port: int
    dremio_flight_port: int
    airbyte_port: int
    airbyte_config_port: int
    airbyte_public_port: int
    superset_port: int
    elasticsearch_port: int
    exporter_port: int
    prometheus_port: int
    alertmanager_port: int

    admin_user: str = "admin"
    admin_password: Secret
    encryption_key: Secret

    postgres_password: Secret
    dremio_db_password: Secret
    airbyte_db_password: Secret
    superset_db_password: Secret
    shop_db_password: Secret

    minio_root_user: str = "lakelet-root"
    minio_root_password: Secret
    dremio_s3_secret_key: Secret
    airbyte_s3_secret_key: Secret
    backup_s3_secret_key: Secret
    storage_jwt_key: Secret

    airbyte_client_id: str = "lakelet"
    airbyte_client_secret: Secret
    superset_secret_key: Secret
    elasticsearch_password: Secret
    logs_s3_secret_key: Secret

    # How many records one attempt at a sync may refuse; more fail it.
    max_refused_records: int = Field(default=1000, ge=0)

    # How many streams of a sync are read at a time; they share one stream's memory.
    sync_parallel_streams: int = Field(default=2, ge=1, le=16)

    # How long one attempt at a sync may take.
    sync_timeout_seconds: float = Field(default=259_200, gt=0)

    # How long a connector's process may say nothing before it is stopped.
    connector_silence_seconds: float = Field(default=10_800, gt=0)

    dremio_memory_limit: str = "2GB"
    dremio_threads: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2))
    # How many days the jobs' history and the audit log go back.
    dremio_jobs_days: int = Field(default=30, ge=1)
    dremio_audit_days: int = Field(default=90, ge=1)
    # Arrow Flight with TLS and a certificate made here.
    dremio_flight_tls: Literal["on", "off"] = "off"
    # Statements that run at the same time, that may wait for a place, and for how long.
    dremio_queries_at_once: int = Field(default=32, ge=1)
    dremio_queue_length: int = Field(default=200, ge=0)
    dremio_queue_seconds: float = Field(default=300, ge=0)
    # A statement that runs longer is stopped; 0: none is.
    dremio_statement_seconds: float = Field(default=0, ge=0)
    # Disk for results that are answered again; 0: none is kept.
    dremio_result_cache_mb: int = Field(default=256, ge=0)
    elasticsearch_memory_limit: str = "96MB"
    elasticsearch_threads: int = 2

    # When backups are made by themselves (a Quartz expression, UTC), where to (default: `backups`
    # in the home) and how many are kept there.
    backup_every: str = ""
    backup_to: str = ""
    backup_keep: int = Field(default=7, ge=1)

    monitoring: Literal["on", "off"] = "off"
    # Whose databases the exporter reads: the embedded services' or the vendors' own.
    exporter_reads: Literal["embedded", "vendors"] = "embedded"
    slow_query_seconds: float = Field(default=30, gt=0)
    # What a replication slot may keep of PostgreSQL's log before it is given up; -1: no limit.
    postgres_slot_wal_mb: int = Field(default=8192, ge=-1)
    stale_after_hours: float = Field(default=48, gt=0)
    disk_reserve_bytes: int = Field(default=2_000_000_000, ge=0)
    metrics_interval_seconds: float = Field(default=10, gt=0)
    alert_rules: Path | None = None
    alert_webhook_url: SecretStr | None = None  # may hold a token
    alert_email_to: str = ""
    alert_email_from: str = "lakelet@localhost"
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = False

    @model_validator(mode="before")
    @classmethod
    def _ports(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill in the ports that are not set, moved by PORT_OFFSET."""
        given = {key.upper(): str(value) for key, value in values.items()}
        given.setdefault("PORT_OFFSET", os.environ.get("PORT_OFFSET", "0"))
        resolved = ports.resolve(given)
        return {**values, **{name.lower(): number for name, number in resolved.items()}}

    @model_validator(mode="before")
    @classmethod
    def _hosts(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill in the hosts that are not set from the address that the services listen on."""
        bound = str(values.get("bind_address") or "127.0.0.1")
        return {**dict.fromkeys(_HOSTS, _LOOPBACK.get(bound, bound)), **values}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def data_dir(self) -> Path:
        """Where the platform keeps everything it writes."""
        return self.lakelet_home / ".lakelet"

    @property
    def env_file(self) -> Path:
        """The file that holds the settings and the generated secrets (mode 600)."""
        return self.lakelet_home / ".env"

    @property
    def s3_endpoint(self) -> str:
        """S3 address as `host:port`, the form MinIO's and DuckDB's settings take."""
        return f"{self.s3_host}:{self.s3_port}"

    @property
    def iceberg_uri(self) -> str:
        """Base address of the Iceberg REST catalog (its warehouses are bucket names)."""
        return f"http://{self.iceberg_host}:{self.iceberg_port}{self.iceberg_path}"

    @property
    def dremio_url(self) -> str:
        """Base address of Dremio's REST API."""
        return f"http://{self.dremio_host}:{self.dremio_port}"

    def password_of(self, name: str) -> str:
        """Return the password of one of the platform's own users of Dremio.

        Derived from ENCRYPTION_KEY: nothing more to keep, and the same after a restore.
        """
        key = self.encryption_key.get_secret_value().encode()
        digest = hmac.new(key, f"dremio user {name}".encode(), hashlib.sha256).digest()
        return "a1" + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @property
    def flight_uri(self) -> str:
        """Address of Dremio's Arrow Flight server."""
        scheme = "grpc+tls" if self.dremio_flight_tls == "on" else "grpc"
        return f"{scheme}://{self.dremio_host}:{self.dremio_flight_port}"

    @property
    def flight_certificate(self) -> Path:
        """What clients of Arrow Flight trust when it has TLS."""
        return self.data_dir / "dremio" / "tls" / "flight-cert.pem"

    @property
    def airbyte_url(self) -> str:
        """Base address of Airbyte's Config API."""
        return f"http://{self.airbyte_host}:{self.airbyte_config_port}"

    @property
    def elasticsearch_url(self) -> str:
        """Base address of the log store (Elasticsearch's REST API)."""
        return f"http://{self.elasticsearch_host}:{self.elasticsearch_port}"

    @property
    def exporter_url(self) -> str:
        """Base address of the metrics and alerts."""
        return f"http://{self.exporter_host}:{self.exporter_port}"

    @property
    def prometheus_url(self) -> str:
        """Base address of Prometheus (there with MONITORING=on)."""
        return f"http://{self.bind_address}:{self.prometheus_port}"

    @property
    def alertmanager_url(self) -> str:
        """Base address of Alertmanager (there with MONITORING=on)."""
        return f"http://{self.bind_address}:{self.alertmanager_port}"

    @property
    def superset_url(self) -> str:
        """Base address of Superset."""
        return f"http://{self.superset_host}:{self.superset_port}"

    @property
    def rules_file(self) -> Path:
        """The alert rules, in Prometheus' format: ALERT_RULES or the platform's own."""
        own = CHECKOUT / "monitoring" / "prometheus" / "rules" / "alerts.yml"
        return self.alert_rules or own

    @property
    def inbox_dir(self) -> Path:
        """The one folder whose files the file source may read (`/local/…` in its `url`)."""
        return self.data_dir / "inbox"

    def extra_values(self) -> dict[str, str]:
        """Return what the user set besides our own settings (passwords of own sources …)."""
        values = {k: v for k, v in dotenv_values(self.env_file).items() if v}
        return {**values, **os.environ}

    def postgres_dsn(self, role: str) -> str:
        """Return the libpq address of `role`'s own database (database and role share the name)."""
        secret: SecretStr = (
            self.postgres_password if role == "postgres" else getattr(self, f"{role}_db_password")
        )
        return (
            f"postgresql://{role}:{secret.get_secret_value()}"
            f"@{self.postgres_host}:{self.postgres_port}/{role}"
        )


def read_settings(home: Path | None = None) -> Settings:
    """Read `.env` in the home folder and the environment into a new `Settings`.

    Raises ConfigError naming each setting that is missing or wrong and where it was looked for.
    """
    home = (home or Path(os.environ.get("LAKELET_HOME") or CHECKOUT)).expanduser().resolve()
    env_file = home / ".env"
    from_file = {k.lower(): v for k, v in dotenv_values(env_file).items() if v}
    from_environment = {k.lower(): v for k, v in os.environ.items() if v}
    try:
        return Settings(**{**from_file, **from_environment, "lakelet_home": home})  # type: ignore[arg-type]
    except ValidationError as error:
        if not env_file.exists():
            raise ConfigError(
                f"nothing is set up in {home} yet (there is no .env): run `make up` there, "
                "or set LAKELET_HOME to the folder of a platform"
            ) from error
        lines = []
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            lines.append(f"{name}: {problem['msg']}" if name else problem["msg"])
        raise ConfigError(
            f"settings: {'; '.join(lines)} (looked in the environment and in {env_file}); "
            "run `lakelet init` to generate what is missing, or set it there"
        ) from error


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings, read on first use.

    Raises ConfigError as `read_settings` does.
    """
    return read_settings()
