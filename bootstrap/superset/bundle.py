"""`superset_assets/` as the zip that Superset imports, with this platform's address filled in.

The files are Superset's own export format. The database file names where Dremio stood when it
was exported; host, port and user are this platform's here, and the password travels beside the
zip (the files hold Superset's mask, never a password).
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import yaml

from bootstrap.superset.leaving_out import Documents, leave_out
from services.common.errors import ConfigError
from services.common.settings import CHECKOUT, Settings

ASSETS = CHECKOUT / "superset_assets"
# The set of assets (a folder of its own in there) that shows the platform itself.
WATCHING = "pipeline_health"
LOG_LINES = "log_lines"  # its dataset over the log store

# What Superset writes in place of a password (superset.constants.PASSWORD_MASK).
_MASK = "X" * 10
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes


@dataclass(frozen=True)
class Bundle:
    """The zip and its documents and passwords by file; dashboards' slugs, charts' uuids."""

    content: bytes
    documents: Documents
    passwords: dict[str, str]
    dashboards: tuple[str, ...]
    charts: tuple[str, ...]


def build_bundle(
    settings: Settings,
    folder: Path = ASSETS,
    *,
    without: tuple[str, ...] = (),
    without_tables: tuple[str, ...] = (),
    login: tuple[str, str] | None = None,
) -> Bundle:
    """Read the assets and return them ready to import, `without` the sets of these names.

    `without_tables`: datasets that are left out, with their charts and those charts' places.

    `login`: the user and password that Superset asks Dremio with, by default the administrator's.
    Raises ConfigError when a file is not readable as YAML, when a chart has no query context
    (its data could not be asked for then), or when the password cannot be given to the driver.
    """
    user, password = login or (settings.admin_user, settings.admin_password.get_secret_value())
    if ";" in password:
        raise ConfigError(
            "ADMIN_PASSWORD contains ';', which Superset's Dremio driver cannot pass on; "
            "set one without it in .env"
        )
    documents = read_assets(folder, without=without, without_tables=without_tables)
    passwords: dict[str, str] = {}
    slugs: list[str] = []
    charts: list[str] = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, document in documents.items():
            parts = path.relative_to(folder).parts
            name = "/".join(parts[1:] if parts[0] == WATCHING else parts)
            kind = name.split("/")[0]
            if kind == "databases":
                document["sqlalchemy_uri"] = _address(document["sqlalchemy_uri"], settings, user)
                passwords[name] = password
            elif kind == "dashboards":
                slugs.append(document["slug"])
            elif kind == "charts":
                if not document.get("query_context"):
                    raise ConfigError(f"{path}: a chart needs a query_context")
                charts.append(document["uuid"])
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
            archive.writestr(zipfile.ZipInfo(f"lakelet/{name}", _EPOCH), text)
    return Bundle(buffer.getvalue(), documents, passwords, tuple(slugs), tuple(charts))


def read_assets(
    folder: Path = ASSETS,
    *,
    without: tuple[str, ...] = (),
    without_tables: tuple[str, ...] = (),
) -> Documents:
    """Return the assets' documents by file; see `build_bundle`. Raises ConfigError as it does."""
    documents = {
        path: _read(path)
        for path in sorted(folder.rglob("*.yaml"))
        if path.relative_to(folder).parts[0] not in without
    }
    if not documents:
        raise ConfigError(f"no Superset assets: looked for *.yaml in {folder}")
    return leave_out(documents, without_tables)


def _address(exported: str, settings: Settings, name: str) -> str:
    """Return the exported SQLAlchemy address with this platform's user, host and port."""
    parts = urlsplit(exported)
    user = quote(name, safe="")
    place = f"{user}:{_MASK}@{settings.dremio_host}:{settings.dremio_flight_port}"
    query = parts.query
    if settings.dremio_flight_tls == "on":
        trusted = quote(str(settings.flight_certificate), safe="/")
        query = f"UseEncryption=true&TrustedCerts={trusted}"
    return urlunsplit(parts._replace(netloc=place, query=query))


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a mapping, found {type(document).__name__}")
    return document
