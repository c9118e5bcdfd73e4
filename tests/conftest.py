"""Fixtures for every kind of test."""

from __future__ import annotations

import os

from hypothesis import settings

# Everywhere as Hypothesis has it in CI: no deadline, which a busy machine misses for no reason of
# the test's own, and the same examples each time; unless one asks for more of them.
settings.register_profile(
    "lakelet", settings.get_profile("ci"), derandomize="LAKELET_EXAMPLES" not in os.environ
)
settings.load_profile("lakelet")
