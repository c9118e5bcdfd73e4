"""Prometheus' configuration, from the settings: where the platform's services are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from services.common.settings import Settings
from services.common.targets import metrics_pages


def configuration(settings: Settings, rules: Path) -> dict[str, Any]:
    """Return the document; one job for each service, under the service's name."""
    interval = f"{max(1, round(settings.metrics_interval_seconds))}s"
    alertmanager = f"{settings.bind_address}:{settings.alertmanager_port}"
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": name,
                "metrics_path": page.path,
                "static_configs": [{"targets": [page.netloc]}],
            }
            for name, page in metrics_pages(settings).items()
        ],
    }


def write_config(settings: Settings, folder: Path) -> Path:
    """Write the configuration into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration(settings, settings.rules_file), sort_keys=False))
    return path
