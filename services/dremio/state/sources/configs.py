"""What each type of source needs in its `config`, as Dremio's API names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.dremio.state.errors import validation

Config = dict[str, Any]


def check(kind: str, config: Config) -> None:
    """Check a configuration. Raises DremioError (VALIDATION) saying what is wrong."""
    if kind not in CHECKS:
        raise validation(
            f"Source type {kind!r} is not supported here (supported: {', '.join(CHECKS)})"
        )
    CHECKS[kind](config)


def port(value: Any, name: str = "port") -> int:
    """Return a port number. Raises DremioError (VALIDATION)."""
    if isinstance(value, bool) or not str(value).isdigit() or not 0 < int(value) < 65536:
        raise validation(f"{name}: expected a port number, not {value!r}")
    return int(value)


def hosts(config: Config) -> list[tuple[str, int]]:
    """Return (hostname, port) of each entry of `hostList`. Raises DremioError (VALIDATION)."""
    given = config.get("hostList")
    if not isinstance(given, list) or not given or not all(isinstance(h, dict) for h in given):
        raise validation("hostList: expected a list of {hostname, port}")
    return [(_text(h, "hostname"), port(h.get("port", 9200), "hostList.port")) for h in given]


def _s3(config: Config) -> None:
    credential = config.get("credentialType", "ACCESS_KEY")
    if credential not in ("ACCESS_KEY", "NONE"):
        raise validation(f"credentialType {credential!r} is not supported (ACCESS_KEY or NONE)")
    if credential == "ACCESS_KEY" and not (config.get("accessKey") and config.get("accessSecret")):
        raise validation("credentialType ACCESS_KEY needs accessKey and accessSecret")
    root = config.get("rootPath", "/")
    if root is not None and not isinstance(root, str):
        raise validation("rootPath: expected a path such as /bucket/folder")
    for name in ("externalBucketList", "whitelistedBuckets"):
        if not _texts(config.get(name) or []):
            raise validation(f"{name}: expected a list of bucket names")
    properties = config.get("propertyList") or []
    if not isinstance(properties, list) or not all(
        isinstance(p, dict) and isinstance(p.get("name"), str) for p in properties
    ):
        raise validation("propertyList: expected a list of {name, value}")


def _database(config: Config) -> None:
    _text(config, "hostname")
    port(config.get("port"))
    if config.get("authenticationType", "MASTER") not in ("MASTER", "ANONYMOUS"):
        raise validation("authenticationType: MASTER (with username and password) or ANONYMOUS")
    if config.get("authenticationType", "MASTER") == "MASTER":
        _text(config, "username")


def _postgres(config: Config) -> None:
    _database(config)
    _text(config, "databaseName")


def _elastic(config: Config) -> None:
    hosts(config)
    if config.get("authenticationType", "ANONYMOUS") not in ("ANONYMOUS", "ES_ACCOUNT", "MASTER"):
        raise validation("authenticationType: ES_ACCOUNT (with username and password) or ANONYMOUS")
    if config.get("authenticationType", "ANONYMOUS") != "ANONYMOUS":
        _text(config, "username")
    size = config.get("scrollSize", 4000)
    if isinstance(size, bool) or not isinstance(size, int):
        raise validation("scrollSize: expected a number")


def _nas(config: Config) -> None:
    _text(config, "path")


def _text(config: Config, name: str) -> str:
    value = config.get(name)
    if not isinstance(value, str) or not value.strip():
        raise validation(f"{name}: expected a non-empty string")
    return value


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


CHECKS: dict[str, Callable[[Config], None]] = {
    "S3": _s3,
    "POSTGRES": _postgres,
    "MYSQL": _database,
    "ELASTIC": _elastic,
    "NAS": _nas,
}
