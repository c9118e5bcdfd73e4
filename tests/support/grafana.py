"""Grafana's dashboards as tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.common.settings import CHECKOUT

GRAFANA = CHECKOUT / "monitoring" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    made: dict[str, Any] = json.loads(path.read_text())
    return made


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each (expression, legend), Grafana's variables filled in."""
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"], annotation["titleFormat"]
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", "5m")
            for variable in dashboard["templating"]["list"]:
                text = text.replace(f"${variable['name']}", ".*")
            assert "$" not in text, f"a variable that the dashboard has not: {text}"
            yield text, target["legendFormat"]
