"""Prometheus' rule files, as far as alerts go."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from services.common.errors import ConfigError
from services.exporter.alerts import promql

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLACE = re.compile(r"\{\{\s*\$(value|labels\.(\w+))\s*\}\}")


@dataclass(frozen=True)
class Rule:
    """One alert: fires once `expression` has had a value for `wait` seconds."""

    name: str
    expression: Any
    wait: float
    labels: dict[str, str]
    annotations: dict[str, str]

    def told(self, labels: dict[str, str], value: float) -> dict[str, str]:
        """Return the annotations with labels and value filled in."""

        def fill(match: re.Match[str]) -> str:
            return number(value) if match[1] == "value" else labels.get(match[2], "")

        return {name: _PLACE.sub(fill, text) for name, text in self.annotations.items()}


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Return the alerts of a rule file.

    Raises ConfigError when it cannot be read or an expression is not evaluated here.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"alert rules {path}: {error}; set ALERT_RULES to a file") from error
    return tuple(
        Rule(
            name=rule["alert"],
            expression=promql.parse(str(rule["expr"])),
            wait=seconds(str(rule.get("for", "0s"))),
            labels={"alertname": rule["alert"], **rule.get("labels", {})},
            annotations=rule.get("annotations", {}),
        )
        for group in document["groups"]
        for rule in group["rules"]
        if "alert" in rule
    )


def number(value: float) -> str:
    """Return a number as Prometheus' templates print it (Go's `%v`: 601, 1.5e+09, +Inf)."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
    exact = Decimal(repr(value)).normalize()
    exponent = exact.adjusted()
    if -4 <= exponent < 6 or not exact:
        return f"{exact:f}"
    mantissa = exact.scaleb(-exponent)
    return f"{mantissa:f}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def seconds(text: str) -> float:
    """Return a duration such as `90s` or `1h30m`. Raises ConfigError for anything else."""
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise ConfigError(f"alert rules: {text!r} is not a duration such as 90s, 5m or 1h")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))
