"""Prometheus' rule files, as far as alerts go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from services.common.errors import ConfigError
from services.exporter.alerts import promql

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLACE = re.compile(r"\{\{\s*\$(?:value(?:\s*\|\s*(\w+))?|labels\.(\w+))\s*\}\}")


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
            return labels.get(match[2], "") if match[2] else _FILTERS[match[1]](value)

        return {name: _PLACE.sub(fill, text) for name, text in self.annotations.items()}


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Return the alerts of a rule file.

    Raises ConfigError when it cannot be read or an expression is not evaluated here.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"alert rules {path}: {error}; set ALERT_RULES to a file") from error
    unknown = {m[1] for text in _texts(document) for m in _PLACE.finditer(text)} - _FILTERS.keys()
    if unknown:
        raise ConfigError(f"alert rules {path}: {sorted(map(str, unknown))} of a value: not known")
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


def humanize_1024(value: float) -> str:
    """Return a number with a prefix of 1024, as Prometheus' `humanize1024` does (55.67Gi)."""
    if not math.isfinite(value):
        return number(value)
    prefix = ""
    for larger in ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"):
        if abs(value) < 1024:
            break
        prefix, value = larger, value / 1024
    return f"{value:.4g}{prefix}"


def humanize_duration(value: float) -> str:
    """Return seconds as Prometheus' `humanizeDuration` does (1h 2m 3s)."""
    if not math.isfinite(value):
        return number(value)
    if abs(value) < 60:
        return f"{value:.4g}s"
    whole, sign = int(abs(value)), "-" if value < 0 else ""
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m")]
    while not parts[0][0]:
        del parts[0]
    return sign + " ".join(f"{count}{unit}" for count, unit in [*parts, (whole % 60, "s")])


_FILTERS: dict[str | None, Callable[[float], str]] = {
    None: number,
    "humanize1024": humanize_1024,
    "humanizeDuration": humanize_duration,
}


def _texts(document: Any) -> list[str]:
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    return [text for rule in rules for text in rule.get("annotations", {}).values()]


def seconds(text: str) -> float:
    """Return a duration such as `90s` or `1h30m`. Raises ConfigError for anything else."""
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise ConfigError(f"alert rules: {text!r} is not a duration such as 90s, 5m or 1h")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))
