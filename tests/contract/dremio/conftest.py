"""An administrator's session with two writable sources, gold and silver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.dremio import Dremio, source_body
from tests.support.people import Person, maker
from tests.support.platform import Home


@pytest.fixture(scope="session")
def dremio(engine_home: Home) -> Dremio:
    """A session; sources `gold` (/gold/lake), `silver` (/silver/lake), `lake` (rooted at /)."""
    settings = engine_home.settings
    session = Dremio(
        settings.dremio_url, settings.admin_user, settings.admin_password.get_secret_value()
    )
    for name, root in (("gold", "/gold/lake"), ("silver", "/silver/lake"), ("lake", "/")):
        body = source_body(settings, name, root)
        session.http.put(f"/apiv2/source/{name}", json=body).raise_for_status()
    return session


@pytest.fixture(scope="session")
def people(engine_home: Home, dremio: Dremio) -> Callable[[str], Person]:
    """Make users by name, once each."""
    return maker(engine_home.settings, dremio)
