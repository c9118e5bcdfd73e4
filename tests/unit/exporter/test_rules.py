"""The rules: promtool's own tests of them, and the same tests on the exporter's evaluation."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.common.errors import ConfigError
from services.common.settings import CHECKOUT
from services.exporter.alerts import promql
from services.exporter.alerts.rules import number, read_rules, seconds
from services.exporter.alerts.series import Sample, Series
from services.exporter.alerts.state import States
from services.exporter.catalogue import BY_NAME
from tests.support.promtool import tool

FOLDER = CHECKOUT / "monitoring" / "prometheus"
RULES = FOLDER / "rules" / "alerts.yml"
CASES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "tests" / "alerts.yml").read_text())["tests"]
STEP = 10
UNASKED = {"lakelet_disk_reserve_bytes"}  # an alert's test asks for it


def points(text: str) -> list[float | str | None]:
    """Expand promtool's notation: `1x3`, `0+10x5`, `_`, `stale`."""
    made: list[float | str | None] = []
    for part in text.split():
        match = re.fullmatch(r"(-?[\d.]+(?:e\d+)?)(?:([+-][\d.]+(?:e\d+)?))?x(\d+)", part)
        if match:
            start, grows, times = float(match[1]), float(match[2] or 0), int(match[3])
            made += [start + grows * at for at in range(times + 1)]
        else:
            made.append({"_": None, "stale": "stale"}.get(part, part))
    return [float(p) if isinstance(p, str) and p != "stale" else p for p in made]


def named(text: str) -> tuple[str, dict[str, str]]:
    name, _, labels = text.partition("{")
    return name, dict(re.findall(r'(\w+)="([^"]*)"', labels))


def ours(case: dict[str, Any], until: float) -> list[dict[str, Any]]:
    """Return the alerts firing at `until`, evaluated step by step as promtool does."""
    rules = read_rules(RULES)
    series = Series(BY_NAME.keys() | {"up", "api_requests_total"}, 3600)
    states = States(rules)
    given = [(*named(s["series"]), points(str(s["values"]))) for s in case["input_series"]]
    for step in range(int(until) // STEP + 1):
        for name, labels, values in given:
            value = values[step] if step < len(values) else None
            if value == "stale":
                series.end(step * STEP, name, labels)
            elif value is not None:
                series.put(step * STEP, Sample(name, labels, float(value)))
        states.evaluate(series, step * STEP)
    return [
        {"labels": alert.labels, "annotations": alert.annotations}
        for alert in states.active()
        if alert.firing
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_exporter_agrees_with_promtool(case: dict[str, Any]) -> None:
    for expected in case["alert_rule_test"]:
        name = expected["alertname"]
        found = [
            alert
            for alert in ours(case, seconds(expected["eval_time"]))
            if alert["labels"]["alertname"] == name
        ]
        wanted = [
            {
                "labels": {**alert["exp_labels"], "alertname": name},
                "annotations": alert["exp_annotations"],
            }
            for alert in expected.get("exp_alerts", [])
        ]
        key = str
        assert sorted(found, key=key) == sorted(wanted, key=key), (name, expected["eval_time"])


def test_promtool_passes_the_same_tests() -> None:
    checks = [["check", "rules", path] for path in (FOLDER / "rules").glob("*.yml")]
    checks += [["test", "rules", path] for path in (FOLDER / "tests").glob("*.yml")]
    assert len(checks) == 4
    for arguments in checks:
        result = subprocess.run(
            [tool("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_every_rule_is_tested_and_reads_what_there_is() -> None:
    rules = read_rules(RULES)
    fires = {
        test["alertname"]
        for case in CASES
        for test in case["alert_rule_test"]
        if test.get("exp_alerts")
    }
    assert fires == {rule.name for rule in rules}
    read = {name for rule in rules for name, _ in promql.names(rule.expression)}
    assert read <= BY_NAME.keys() | {"up", "api_requests_total"}


def test_the_vendors_metrics_get_the_names_that_the_platform_has() -> None:
    text = (FOLDER / "rules" / "vendors.yml").read_text()
    tested = (FOLDER / "tests" / "vendors.yml").read_text()
    recorded = {r["record"] for g in yaml.safe_load(text)["groups"] for r in g["rules"]}
    assert recorded <= BY_NAME.keys() | {"api_requests_total"}
    assert all(re.search(rf"expr: .*{name}", tested) for name in recorded - UNASKED)
    page = (CHECKOUT / "docs" / "metrics.md").read_text()
    assert all(f"| `{name}` |" in page.partition("## In Compose")[2] for name in recorded)


def test_every_runbook_is_a_heading_of_the_page() -> None:
    page = (CHECKOUT / "docs" / "alerts.md").read_text()
    headings = {h.lower() for h in re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    links = [rule.annotations["runbook"] for rule in read_rules(RULES)]
    assert all(link.startswith("docs/alerts.md#") for link in links)
    assert {link.partition("#")[2] for link in links} | {"testalert"} == headings


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (1e9, "1e+09"), (172900.0, "172900"), (1234567.0, "1.234567e+06"),
     (0.25, "0.25"), (0.00001, "1e-05"), (0.0, "0"), (float("inf"), "+Inf"), (1e21, "1e+21")],
)  # fmt: skip
def test_numbers_are_printed_as_go_prints_them(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    "expression", ["histogram_quantile(0.9, a)", "a offset 5m", "topk(1, a)", "a >", "1 and 2"]
)
def test_what_is_not_evaluated_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ConfigError, match="PromQL"):
        promql.parse(expression)


def test_a_wrong_rules_file_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ALERT_RULES"):
        read_rules(tmp_path / "none.yml")


@pytest.mark.parametrize(
    ("template", "value", "told"),
    [
        ("{{ $value | humanize1024 }}B", 0.0, "0B"),
        ("{{ $value | humanize1024 }}B", 1023.0, "1023B"),
        ("{{ $value | humanize1024 }}B", -5.9775655936e10, "-55.67GiB"),
        ("{{ $value | humanize1024 }}", float("inf"), "+Inf"),
        ("{{ $value | humanizeDuration }}", 59.123456, "59.12s"),
        ("{{ $value | humanizeDuration }}", 3600.0, "1h 0m 0s"),
        ("{{ $value | humanizeDuration }}", 90061.0, "1d 1h 1m 1s"),
        ("{{ $labels.slot }} {{$value}}", 1.5e9, "a 1.5e+09"),
    ],
)
def test_values_are_told_as_prometheus_tells_them(template: str, value: float, told: str) -> None:
    rule = dataclasses.replace(read_rules(RULES)[0], annotations={"summary": template})
    assert rule.told({"slot": "a"}, value) == {"summary": told}


def test_a_filter_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(RULES.read_text().replace("humanizeDuration", "humanizePercentage"))
    with pytest.raises(ConfigError, match="humanizePercentage"):
        read_rules(path)
