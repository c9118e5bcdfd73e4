"""Superset's configuration: read by Superset itself (SUPERSET_CONFIG_PATH), in its environment.

Every value that differs between installations comes from an environment variable set by
`environment.py`. No Redis and no Celery worker: caches are files, limits live in memory
(sound with the one worker that gunicorn runs), reports run in the process.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Any

from superset.config import TALISMAN_CONFIG as _TALISMAN
from superset.utils.logging_configurator import LoggingConfigurator

from services.superset.dialect import LakeletDremio
from services.superset.events import hear_strangers

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["LAKELET_DATABASE_URI"].replace(
    "postgresql://", "postgresql+psycopg2://", 1
)
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}
DATA_DIR = os.environ["LAKELET_DATA_DIR"]
APP_NAME = "Lakelet"

# --- Dremio's SQL is passed on as it was written ---------------------------------------------
SQLGLOT_DIALECTS_EXTENSIONS = {"dremio": LakeletDremio}


# --- caches: files, each kind in its own folder ----------------------------------------------
def _cache(name: str, kept: timedelta, entries: int) -> dict[str, Any]:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": os.path.join(DATA_DIR, "cache", name),  # noqa: PTH118
        "CACHE_DEFAULT_TIMEOUT": int(kept.total_seconds()),
        "CACHE_THRESHOLD": entries,
        "CACHE_KEY_PREFIX": f"{name}_",
        # Query results are the data itself: for this user only.
        "CACHE_OPTIONS": {"mode": 0o600},
    }


CACHE_CONFIG = _cache("metadata", timedelta(hours=1), 500)
# Short: a dashboard opened after a pipeline run must show what the run brought.
DATA_CACHE_CONFIG = _cache("results", timedelta(seconds=5), 500)
FILTER_STATE_CACHE_CONFIG = _cache("filters", timedelta(days=90), 5000)
EXPLORE_FORM_DATA_CACHE_CONFIG = _cache("explore", timedelta(days=7), 5000)
RATELIMIT_STORAGE_URI = "memory://"
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "1000 per second"  # one page asks for dozens of files at once
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per second"
CELERY_CONFIG = None

# --- what browsers are told ------------------------------------------------------------------
TALISMAN_CONFIG = {
    **_TALISMAN,
    "content_security_policy": {
        **_TALISMAN["content_security_policy"],
        # Nothing is fetched from, or told to, any other host: no telemetry pixel, no fonts.
        "img-src": ["'self'", "blob:", "data:"],
        "connect-src": ["'self'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'"],
    },
    "frame_options": "SAMEORIGIN",
    "referrer_policy": "same-origin",
}
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
# Other platforms on this host answer under the same name with other ports, and cookies do not
# tell ports apart: a name per port keeps their logins apart.
SESSION_COOKIE_NAME = f"lakelet_session_{os.environ['LAKELET_BIND'].rsplit(':', 1)[1]}"
PERMANENT_SESSION_LIFETIME = timedelta(days=7)
FLASK_APP_MUTATOR = hear_strangers
ENABLE_CORS = False
GUEST_TOKEN_JWT_SECRET = f"{SECRET_KEY}/guest"
GLOBAL_ASYNC_QUERIES_JWT_SECRET = f"{SECRET_KEY}/async-queries"

# --- the product -----------------------------------------------------------------------------
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "lakelet",
        "label": "Lakelet",
        "description": "Water and shore",
        "isDefault": True,
        "colors": [
            "#14748C",
            "#F2A03D",
            "#3B5BA5",
            "#D9534F",
            "#5FA777",
            "#8E6BAE",
            "#26415E",
            "#9C8B6F",
            "#57B8C9",
            "#C47F2C",
        ],
    }
]
FEATURE_FLAGS = {"DASHBOARD_RBAC": True}
ROW_LIMIT = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
BUG_REPORT_URL = None
FAB_ADD_SECURITY_API = True
TALISMAN_ENABLED = True
CONTENT_SECURITY_POLICY_WARNING = False
# The migrations would take the process' logging over otherwise.
ALEMBIC_SKIP_LOG_CONFIG = True


def _not_of_the_spinner(record: logging.LogRecord) -> bool:
    """Drop what 6.1 warns of at every page: its wheel lacks a picture, the browser has its own."""
    return not record.getMessage().startswith("Could not load default spinner SVG")


class _GunicornLogs(LoggingConfigurator):  # type: ignore[misc]
    """Leaves logging as gunicorn set it up (JSON lines), and quiets what says too much."""

    def configure_logging(self, app_config: dict[str, Any], debug_mode: bool) -> None:
        logging.captureWarnings(True)
        logging.getLogger().setLevel(os.environ["LAKELET_LOG_LEVEL"])
        for chatty in ("flask_appbuilder", "alembic", "py.warnings", "flask_migrate"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        logging.getLogger("superset.views.base").addFilter(_not_of_the_spinner)


LOGGING_CONFIGURATOR = _GunicornLogs()
