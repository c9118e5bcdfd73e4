"""How the services see each other in containers: by name, on the vendors' own ports.

From outside they are reached on this machine's published ports; what is *told to* a service
(an Airbyte source, a Dremio source, Superset's connection) must hold inside.
"""

from __future__ import annotations

from services.common import ports
from services.common.settings import Settings

HOSTS = {
    "postgres_host": "postgres",
    "s3_host": "minio",
    "iceberg_host": "minio",
    "dremio_host": "dremio",
    "airbyte_host": "airbyte-proxy",
    "superset_host": "superset",
    "elasticsearch_host": "elasticsearch",
    "exporter_host": "exporter",
}


# Nessie's Iceberg REST API and its own, which Dremio reads (nessie's documentation, defaults).
NESSIE = {
    "iceberg_host": "nessie",
    "iceberg_port": 19120,
    "iceberg_path": "/iceberg",
    "nessie_uri": "http://nessie:19120/api/v2",
}


def inside(settings: Settings, engines: str = "light") -> Settings:
    """Return the settings as a service in a container has them."""
    numbers = {port.setting.lower(): port.default for port in ports.PORTS}
    vendor = NESSIE if engines == "vendor" else {}
    return settings.model_copy(update={**HOSTS, **numbers, **vendor})


def published(settings: Settings) -> dict[str, str]:
    """Return the ports as the Compose files take them, PORT_OFFSET included."""
    return {port.setting: str(getattr(settings, port.setting.lower())) for port in ports.PORTS}
