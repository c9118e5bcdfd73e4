"""Superset in containers: the platform's configuration, with caches and work in Valkey if given."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from celery.schedules import crontab

from services.superset.superset_config import *  # noqa: F403 - Superset reads the module's names

if _HOST := os.environ.get("LAKELET_REDIS_HOST"):
    _ADDRESS = f"redis://:{quote(os.environ['LAKELET_REDIS_PASSWORD'], safe='')}@{_HOST}:6379"

    def _cache(name: str, kept: timedelta) -> dict[str, Any]:
        return {
            "CACHE_TYPE": "RedisCache",
            "CACHE_REDIS_URL": f"{_ADDRESS}/1",
            "CACHE_KEY_PREFIX": f"{name}_",
            "CACHE_DEFAULT_TIMEOUT": int(kept.total_seconds()),
        }

    CACHE_CONFIG = _cache("metadata", timedelta(hours=1))
    DATA_CACHE_CONFIG = _cache("results", timedelta(minutes=5))
    FILTER_STATE_CACHE_CONFIG = _cache("filters", timedelta(days=90))
    EXPLORE_FORM_DATA_CACHE_CONFIG = _cache("explore", timedelta(days=7))
    RATELIMIT_STORAGE_URI = f"{_ADDRESS}/2"

    class CeleryConfig:
        """What Superset's worker and clock do: alerts, reports, SQL Lab, cache warming."""

        broker_url = f"{_ADDRESS}/0"
        result_backend = f"{_ADDRESS}/0"
        imports = ("superset.sql_lab", "superset.tasks.scheduler", "superset.tasks.cache")
        worker_prefetch_multiplier = 1
        task_acks_late = True
        beat_schedule = {  # noqa: RUF012 - Celery reads class attributes
            "reports.scheduler": {"task": "reports.scheduler", "schedule": crontab()},
            "reports.prune_log": {
                "task": "reports.prune_log",
                "schedule": crontab(minute=0, hour=0),
            },
        }

    CELERY_CONFIG = CeleryConfig
