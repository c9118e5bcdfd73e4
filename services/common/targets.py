"""Where the services show their metrics."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from services.common.settings import Settings


def metrics_pages(settings: Settings) -> dict[str, SplitResult]:
    """Return each service's metrics page, by the service's name."""
    return {
        "airbyte": urlsplit(f"{settings.airbyte_url}/metrics"),
        "dremio": urlsplit(f"{settings.dremio_url}/metrics"),
        "elasticsearch": urlsplit(f"{settings.elasticsearch_url}/_prometheus/metrics"),
        "exporter": urlsplit(f"{settings.exporter_url}/metrics"),
        "superset": urlsplit(f"{settings.superset_url}/metrics"),
    }
