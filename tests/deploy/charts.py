"""What values the vendors' charts take, as data, and whether ours are among them.

`python -m tests.deploy.charts FOLDER FILE` records it from charts in FOLDER, under the names
of deploy/helm/charts.yaml: the paths of their default values and those their templates read.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services.common.settings import CHECKOUT

HELM = CHECKOUT / "deploy" / "helm"
FREE = "*"  # below this path everything is the user's (an empty map or list by default)


def ours(name: str) -> dict[str, Any]:
    """Return our values for a chart."""
    values: dict[str, Any] = yaml.safe_load((HELM / f"{name}.yaml").read_text())
    return values


def paths(values: Any, prefix: str = "") -> Iterator[str]:
    """Yield the path of each value; lists are values."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from paths(value, f"{path}.")
        else:
            yield path


def unknown(values: dict[str, Any], facts: list[str]) -> list[str]:
    """Return our paths that the chart does not know."""
    exact = {path for path in facts if not path.endswith(FREE)}
    free = [path.removesuffix(FREE) for path in facts if path.endswith(FREE)]
    return [
        path
        for path in paths(values)
        if path not in exact
        and not any(path + "." == f or path.startswith(f) for f in free)
        and not any(known.startswith(f"{path}.") for known in exact)
    ]


def record(chart: Path, wanted: dict[str, Any]) -> list[str]:
    """Return the chart's paths, of those first names that we set."""
    found = set()
    for folder in [chart, *(p.parent for p in chart.glob("charts/*/Chart.yaml"))]:
        prefix = "" if folder == chart else f"{folder.name}."
        defaults = yaml.safe_load((folder / "values.yaml").read_text()) or {}
        for path in paths(defaults, prefix):
            value: Any = defaults
            for part in path.removeprefix(prefix).split("."):
                value = value.get(part) if isinstance(value, dict) else None
            found.add(f"{path}.{FREE}" if value in ({}, None) else path)
        found |= {f"{prefix}{p}" for p in _read(folder)}
    return sorted(path for path in found if path.split(".")[0] in wanted)


def _read(chart: Path) -> Iterator[str]:
    for template in [*chart.glob("templates/**/*"), *chart.glob("config/*")]:
        if template.is_file():
            text = template.read_text(errors="replace")
            yield from re.findall(r"\.Values\.([\w.]*\w)", text)


if __name__ == "__main__":
    charts = Path(sys.argv[1])
    recorded = {
        path.stem: record(charts / path.stem, ours(path.stem))
        for path in sorted(HELM.glob("*.yaml"))
        if (charts / path.stem).is_dir()
    }
    Path(sys.argv[2]).write_text(json.dumps(recorded, indent=0) + "\n")
