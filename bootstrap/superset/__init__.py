"""Bringing the dashboards in `superset_assets/` into Superset, and checking that they answer."""

from bootstrap.superset.bundle import Bundle, build_bundle
from bootstrap.superset.importing import import_assets

__all__ = ["Bundle", "build_bundle", "import_assets"]
