"""An administrator's session with two writable sources, gold and silver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import elsewhere
from tests.support.dremio import Dremio, source_body
from tests.support.people import Person, maker
from tests.support.platform import Home

_SOURCES = {"gold": "/gold/lake", "silver": "/silver/lake", "lake": "/"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what says nothing about a Dremio that is not ours."""
    elsewhere.skip_ours(item, "CONTRACT_DREMIO")


@pytest.fixture(scope="session")
def dremio(engine_home: Home) -> Dremio:
    """A session; sources `gold` (/gold/lake), `silver` (/silver/lake), `lake` (rooted at /).

    A Dremio that is not ours has to have them already: only its owner knows the storage's secret.
    """
    settings = engine_home.settings
    session = Dremio(
        settings.dremio_url, settings.admin_user, settings.admin_password.get_secret_value()
    )
    for name, root in _SOURCES.items():
        if elsewhere.dremio() is None:
            body = source_body(settings, name, root)
            session.http.put(f"/apiv2/source/{name}", json=body).raise_for_status()
        else:
            found = session.http.get(f"/api/v3/catalog/by-path/{name}")
            assert found.is_success, f"make an S3 source {name!r} with rootPath {root!r} there"
    return session


@pytest.fixture(scope="session")
def people(engine_home: Home, dremio: Dremio) -> Callable[[str], Person]:
    """Make users by name, once each."""
    return maker(engine_home.settings, dremio)
