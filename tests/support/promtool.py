"""Debian's Prometheus tools, where they are installed or unpacked."""

from __future__ import annotations

import os
import shutil

import pytest

WANTED = "no {} here; on Debian: apt-get install prometheus prometheus-alertmanager"


def tool(name: str) -> str:
    """Return the path of promtool, prometheus …; skip where there is none (CI must have it)."""
    found = shutil.which(name)
    if found is None:
        message = WANTED.format(name)
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found
