"""What dbt's process is told: where the project is, where to write, which Dremio to ask."""

from __future__ import annotations

import os
from pathlib import Path

from bootstrap.clients.dremio import DBT, login_of
from services.common.settings import CHECKOUT, Settings

PROJECT = CHECKOUT / "dbt"

# dbt-dremio sleeps 0.2 s in every statement (its job poll): threads keep the engine busy.
THREADS = 8


def dbt_folder(settings: Settings) -> Path:
    """Return where dbt's artefacts and logs go, so that the checkout stays clean."""
    return settings.data_dir / "dbt"


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which any `dbt` command works on this platform.

    The password's name starts with DBT_ENV_SECRET_: dbt keeps such values out of its logs
    and allows them in profiles only.
    """
    folder = dbt_folder(settings)
    user, password = login_of(settings, DBT)
    return {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_LOG_FORMAT_FILE": "json",  # for the log shipper
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
        "DO_NOT_TRACK": "1",
        "LAKELET_DREMIO_HOST": settings.dremio_host,
        "LAKELET_DREMIO_PORT": str(settings.dremio_port),
        "LAKELET_DREMIO_USER": user,
        "DBT_ENV_SECRET_DREMIO_PASSWORD": password,
        "LAKELET_DBT_THREADS": str(THREADS),
    }
