"""S3 users: one per service, each with no more than it needs (SeaweedFS identity actions).

An action is `Verb[:bucket]`; `s3tables:*` actions are those of the Iceberg catalog, whose
operation names are AWS S3 Tables' (GetTable, ListTables, CreateTable …).
"""

from __future__ import annotations

from typing import Any

from services.common.settings import Settings

TABLE_BUCKETS = ("bronze", "silver", "gold")
PLAIN_BUCKETS = ("landing", "logs", "dlq", "backups")

_READ = ("Read", "List")
_WRITE = (*_READ, "Write", "Tagging")


def identities(settings: Settings) -> dict[str, Any]:
    """Return SeaweedFS' `-s3.config` document: the root user and one user per service."""
    root = _identity(
        "admin",
        settings.minio_root_user,
        settings.minio_root_password.get_secret_value(),
        ["Admin", *_WRITE],
    )
    return {
        "identities": [
            root,
            _identity(
                "dremio",
                "dremio",
                settings.dremio_s3_secret_key.get_secret_value(),
                _grants(reads=("bronze", "landing"), writes=("silver", "gold")),
            ),
            _identity(
                "airbyte",
                "airbyte",
                settings.airbyte_s3_secret_key.get_secret_value(),
                _grants(reads=(), writes=("bronze", "landing", "dlq")),
            ),
            _identity(
                "backup",
                "backup",
                settings.backup_s3_secret_key.get_secret_value(),
                _grants(reads=(*TABLE_BUCKETS, "landing", "logs", "dlq"), writes=("backups",)),
            ),
            _identity(
                "logs",
                "logs",
                settings.logs_s3_secret_key.get_secret_value(),
                _grants(reads=(), writes=("logs",)),
            ),
        ]
    }


def _identity(name: str, access_key: str, secret_key: str, actions: list[str]) -> dict[str, Any]:
    credential = {"accessKey": access_key, "secretKey": secret_key}
    return {"name": name, "credentials": [credential], "actions": actions}


def _grants(*, reads: tuple[str, ...], writes: tuple[str, ...]) -> list[str]:
    actions = [f"{verb}:{bucket}" for bucket in reads for verb in _READ]
    actions += [f"{verb}:{bucket}" for bucket in writes for verb in _WRITE]
    for bucket in TABLE_BUCKETS:
        if bucket in writes:
            actions.append(f"s3tables:*:{bucket}")
        elif bucket in reads:
            actions += [f"s3tables:{verb}*:{bucket}" for verb in ("Get", "List")]
    return actions
