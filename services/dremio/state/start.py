"""Puts the engine together from the settings."""

from __future__ import annotations

import threading

from services.common.settings import Settings
from services.dremio.state.access.access import Access
from services.dremio.state.access.policies import Policies
from services.dremio.state.audit import Audit
from services.dremio.state.catalog.catalog import Catalog
from services.dremio.state.catalog.entities import Entities, Path
from services.dremio.state.core import Core
from services.dremio.state.database import open_database
from services.dremio.state.engine import Engine
from services.dremio.state.jobs.cache import ResultCache
from services.dremio.state.jobs.history import History
from services.dremio.state.jobs.slots import Memory, Slots, limit_of
from services.dremio.state.lake.facade import Facade
from services.dremio.state.lake.lakes import Lakes
from services.dremio.state.limits import Limits
from services.dremio.state.options import TOKEN_OPTION, Options
from services.dremio.state.postgres import open_pool
from services.dremio.state.reflections.registry import Reflections
from services.dremio.state.sources.registry import Sources
from services.dremio.state.users import Users
from services.dremio.state.vault import Vault

# The release whose behaviour is answered; clients choose their dialect by it.
DREMIO_VERSION = "26.0.0"


def start_engine(settings: Settings, stop: threading.Event) -> Engine:
    """Open the database, the catalog and the users, waiting for PostgreSQL.

    Raises psycopg.OperationalError when `stop` was set before PostgreSQL answered.
    """
    pool = open_pool(settings.postgres_dsn("dremio"), stop)
    facade = Facade()
    database = open_database(settings, facade.uri)
    vault = Vault(settings)
    entities = Entities(pool)
    lakes = Lakes(settings, database, entities, vault, facade)
    users = Users(settings, pool)
    access = Access(pool, users)
    policies = Policies(pool)

    def forget(path: Path) -> None:
        access.forget(path)
        policies.forget(path)

    entities.on_delete = forget
    for user in users.list():
        home = (f"@{user.name}",)
        if entities.get(home) is None:
            entities.create(home, "HOME")
    limits = Limits.of(settings)
    options = Options(pool, limits)
    users.token_seconds = lambda: 60 * int(options.value(TOKEN_OPTION))
    core = Core(
        database=database,
        pool=pool,
        entities=entities,
        lakes=lakes,
        catalog=Catalog(entities, lakes, Sources(settings, database, lakes, entities, vault)),
        users=users,
        access=access,
        policies=policies,
        audit=Audit(pool),
        limits=limits,
        options=options,
        slots=Slots(limits, Memory(database, limit_of(database)).full),
        cache=ResultCache(settings.data_dir / "dremio" / "cache", limits.cache_bytes, database),
        vault=vault,
        history=History(pool),
        reflections=Reflections(pool, database),
        version=DREMIO_VERSION,
    )
    core.reflections.start(core)
    return Engine(core)
