"""The ports Lakelet listens on: setting name, the vendor's default, what answers there.

Standard library only: the preflight reads it before anything is installed.
"""

from __future__ import annotations

from typing import NamedTuple


class Port(NamedTuple):
    """One listening port; `setting` is the key in `.env` that moves it.

    `companion`: a second port that the service opens this far above the first (0: none).
    `only_with`: the line of `.env` without which nothing listens there (empty: always).
    """

    setting: str
    default: int
    service: str
    speaks: str
    companion: int = 0
    only_with: str = ""


PORTS = (
    Port("POSTGRES_PORT", 5432, "postgres", "PostgreSQL"),
    Port("S3_PORT", 9000, "storage", "S3 (MinIO's port)"),
    Port("ICEBERG_PORT", 8181, "storage", "Iceberg REST catalog"),
    Port("S3_GRPC_PORT", 19000, "storage", "SeaweedFS S3 gRPC"),
    Port("STORAGE_MASTER_PORT", 9333, "storage", "SeaweedFS master"),
    Port("STORAGE_MASTER_GRPC_PORT", 19333, "storage", "SeaweedFS master gRPC"),
    Port("STORAGE_VOLUME_PORT", 9340, "storage", "SeaweedFS volume server"),
    Port("STORAGE_VOLUME_GRPC_PORT", 19340, "storage", "SeaweedFS volume server gRPC"),
    Port("STORAGE_FILER_PORT", 8888, "storage", "SeaweedFS filer"),
    Port("STORAGE_FILER_GRPC_PORT", 18888, "storage", "SeaweedFS filer gRPC"),
    # SeaweedFS' own default has its companion among the ports that outgoing connections get.
    Port("STORAGE_ADMIN_PORT", 13646, "storage", "SeaweedFS maintenance", 10_000),
    Port("DREMIO_PORT", 9047, "dremio", "Dremio REST"),
    Port("DREMIO_FLIGHT_PORT", 32010, "dremio", "Arrow Flight and Flight SQL"),
    Port("AIRBYTE_PORT", 8000, "airbyte", "Airbyte (both APIs)"),
    Port("AIRBYTE_CONFIG_PORT", 8001, "airbyte", "Airbyte Config API"),
    Port("AIRBYTE_PUBLIC_PORT", 8006, "airbyte", "Airbyte public API"),
    Port("SUPERSET_PORT", 8088, "superset", "Superset"),
    Port("ELASTICSEARCH_PORT", 9200, "elasticsearch", "Elasticsearch REST"),
    Port("EXPORTER_PORT", 9108, "exporter", "metrics and alerts"),
    Port("PROMETHEUS_PORT", 9090, "prometheus", "Prometheus", only_with="MONITORING=on"),
    Port("ALERTMANAGER_PORT", 9093, "alertmanager", "Alertmanager", only_with="MONITORING=on"),
)


def resolve(environment: dict[str, str]) -> dict[str, int]:
    """Return setting name → port number: an explicit setting wins, else default + PORT_OFFSET.

    Raises ValueError naming the setting when a value is not a port number.
    """
    offset = _number("PORT_OFFSET", environment.get("PORT_OFFSET") or "0", minimum=0)
    return {
        port.setting: _number(
            port.setting, environment.get(port.setting) or str(port.default + offset), minimum=1
        )
        for port in PORTS
    }


def _number(setting: str, text: str, *, minimum: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not minimum <= number <= 65535:
        raise ValueError(f"{setting}={text!r} is not a number from {minimum} to 65535")
    return number
