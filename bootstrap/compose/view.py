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


def inside(settings: Settings) -> Settings:
    """Return the settings as a service in a container has them."""
    numbers = {port.setting.lower(): port.default for port in ports.PORTS}
    return settings.model_copy(update={**HOSTS, **numbers})


def published(settings: Settings) -> dict[str, str]:
    """Return the ports as the Compose files take them, PORT_OFFSET included."""
    return {port.setting: str(getattr(settings, port.setting.lower())) for port in ports.PORTS}
