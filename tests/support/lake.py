"""A platform with the engine, its layers' sources and a few rows in bronze."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import read_platform
from bootstrap.provision.dremio import ensure_layers
from bootstrap.provision.people import ensure_people
from tests.support.bronze import Bronze
from tests.support.platform import Home, services_in

LAYERS = ("staging", "intermediate", "marts")


@contextmanager
def lake_in(folder: Path, *more: str) -> Iterator[tuple[Home, Bronze]]:
    """Run storage and engine (and `more` services) in a new home; yield it and bronze's writer."""
    with services_in(folder, "postgres", "storage", "dremio", *more) as home:
        dremio, platform = Dremio(home.settings), read_platform(home.settings)
        ensure_layers(dremio, platform, home.settings)
        ensure_people(dremio, platform, home.settings)
        bronze = Bronze(home.settings)
        bronze.fill()
        yield home, bronze
