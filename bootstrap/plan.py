"""`lakelet plan`: what differs between the files and what runs; nothing is changed."""

from __future__ import annotations

from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.differences import Difference
from bootstrap.platform_file import read_platform
from bootstrap.provision.planning import plan_ingestion, plan_layers
from bootstrap.reflections import plan_reflections, read_reflections
from bootstrap.runtime import choose_runtime
from bootstrap.superset.client import Superset
from bootstrap.superset.importing import plan_assets
from services.common.settings import CHECKOUT, Settings


def plan(settings: Settings) -> list[Difference]:
    """Compare lakelet.yml, reflections/ and superset_assets/ with Airbyte, Dremio and Superset."""
    inside = choose_runtime(settings)[0].inside
    platform, dremio = read_platform(inside), Dremio(settings)
    return [
        *plan_ingestion(Airbyte(settings), platform),
        *plan_layers(dremio, platform, inside),
        *plan_reflections(dremio, read_reflections(CHECKOUT / "reflections")),
        *plan_assets(Superset(settings), dremio),
    ]
