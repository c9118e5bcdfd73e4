"""Tells the suite's profile the engine's port: it knows no other than Dremio's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def pytest_configure(config: Any) -> None:
    """Wrap the function of the suite's conftest.py that writes the profile."""
    for module in config.pluginmanager.get_plugins():
        target = getattr(module, "dremio_software_target", None)
        if callable(target):
            module.dremio_software_target = _with_port(target)


def _with_port(target: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    return lambda: {**target(), "port": int(os.environ["LAKELET_DBT_SUITE_PORT"])}
