"""Reflections: this engine has none yet, and says so."""

from __future__ import annotations

from services.dremio.handlers.catalog import locate_id
from services.dremio.handlers.present import Json
from services.dremio.state.core import Core
from services.dremio.state.errors import not_found, unsupported


def of_dataset(core: Core, dataset_id: str) -> Json:
    """List the reflections on a dataset: none. Raises DremioError (NOT_FOUND)."""
    locate_id(core, dataset_id)
    return {"data": []}


def get(reflection_id: str) -> Json:
    """Return a reflection: there is none. Raises DremioError (NOT_FOUND)."""
    raise not_found(f"Could not find reflection with id [{reflection_id}]")


def create() -> Json:
    """Refuse to create a reflection. Raises DremioError (UNSUPPORTED_OPERATION)."""
    raise unsupported("Reflections are not supported by this edition")
