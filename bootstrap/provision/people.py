"""Dremio's users for dbt and Superset, each with no more rights than its work takes.

Their passwords are derived (`Settings.password_of`). A Dremio without user management or grants
(the community edition) keeps them out or lets them do everything: `login_of` then says who asks.

Facts: Dremio's User API (`/api/v3/user`, by-name) and GRANT … ON SOURCE … TO USER.
"""

from __future__ import annotations

from bootstrap.clients.dremio import DBT, SUPERSET, Dremio, can_log_in, login_of
from bootstrap.environment import set_values
from bootstrap.platform_file import Platform
from bootstrap.provision.dremio import INGESTED
from bootstrap.provision.watching import watched
from services.common.errors import LakeletError, NotFoundError
from services.common.settings import Settings

_READ = ("SELECT",)
_WRITE = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALTER", "DROP", "CREATE TABLE",
)  # fmt: skip


def ensure_people(dremio: Dremio, platform: Platform, settings: Settings) -> str:
    """Make both users and give them their rights; return a few words for the progress line."""
    made = []
    for name in (DBT, SUPERSET):
        try:
            if _ensure_user(dremio, settings, name):
                made.append(name)
        except LakeletError:
            return "not offered by this Dremio: dbt and Superset ask as the administrator"
    for name, source, privileges in _rights(dremio, platform):
        try:
            dremio.sql(f'GRANT {", ".join(privileges)} ON SOURCE "{source}" TO USER "{name}"')
        except LakeletError:
            return "users without grants: this Dremio has none"
    return ", ".join(made) or "as they were"


def keep_login(settings: Settings) -> None:
    """Write dbt's own login into `.env`, from where Compose gives it to the container `dbt`.

    Not the administrator's, where dbt has to ask as that one: Compose has it already.
    """
    user, password = login_of(settings, DBT)
    own = user == DBT
    values = {
        "DBT_DREMIO_USER": user if own else "",
        "DBT_DREMIO_PASSWORD": password if own else "",
    }
    set_values(settings.lakelet_home, values)


def _ensure_user(dremio: Dremio, settings: Settings, name: str) -> bool:
    password = settings.password_of(name)
    try:
        dremio.call("GET", f"/api/v3/user/by-name/{name}")
    except NotFoundError:
        dremio.call("POST", "/api/v3/user", {"name": name, "password": password})
        return True
    if can_log_in(settings, name):
        return False
    dremio.sql(f"ALTER USER \"{name}\" SET PASSWORD '{password}'")
    return True


def _rights(dremio: Dremio, platform: Platform) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (user, source, privileges): dbt reads what came in and writes the layers above it."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for layer in platform.layers:
        found.append((DBT, layer, _READ if layer == INGESTED else _WRITE))
        if layer != INGESTED:
            found.append((SUPERSET, layer, _READ))
    return found + [(SUPERSET, name, _READ) for name in sorted(watched(dremio))]
