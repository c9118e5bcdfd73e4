"""Grafana's dashboards: their form, and that every query asks for what there is."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import promql_parser as promql
import pytest
import yaml

from services.common.settings import CHECKOUT
from services.exporter.catalogue import BY_NAME
from tests.support.grafana import DASHBOARDS, GRAFANA, load, queries

SCHEMA = json.loads(Path(__file__).with_name("dashboard.schema.json").read_text())
# What is not the exporter's: Prometheus' own, and the pages of the services (docs/metrics.md).
OTHERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ALERTS": ("gauge", ("alertname", "alertstate")),
    "api_requests_total": ("counter", ("service", "status")),
    "api_request_duration_seconds": ("histogram", ("service",)),
}
KNOWN = {name: (spec.kind, spec.labels) for name, spec in BY_NAME.items()} | OTHERS
Selector = tuple[str, frozenset[str]]


def read(expression: str) -> tuple[set[Selector], set[str]]:
    """Return the selectors (name, labels matched) and the labels grouped by."""
    selectors: set[Selector] = set()
    grouped: set[str] = set()

    def visit(node: Any) -> bool:
        if isinstance(node, promql.VectorSelector):
            labels = frozenset(m.name for m in node.matchers.matchers)
            selectors.add((node.name, labels))
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            grouped.update(node.modifier.labels)
        return True

    promql.walk(promql.parse(expression), visit)
    return selectors, grouped


def metric(name: str) -> tuple[str, tuple[str, ...]]:
    """Return kind and labels of the metric that a sample `name` belongs to."""
    for ending in ("_bucket", "_sum", "_count"):
        kind, labels = KNOWN.get(name.removesuffix(ending), ("", ()))
        if name.endswith(ending) and kind == "histogram":
            return kind, (*labels, "le") if ending == "_bucket" else labels
    assert name in KNOWN, f"there is no metric {name}"
    assert KNOWN[name][0] != "histogram", f"{name} is a histogram: ask for its buckets"
    return KNOWN[name]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_form(path: Path) -> None:
    dashboard = load(path)
    jsonschema.Draft202012Validator(SCHEMA).validate(dashboard)
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_asks_for_what_there_is(path: Path) -> None:
    for expression, legend in queries(load(path)):
        selectors, grouped = read(expression)
        assert selectors, expression
        there: set[str] = set()
        for name, matched in selectors:
            kind, labels = metric(name)
            assert matched <= set(labels), f"{name} has no label {matched - set(labels)}"
            there |= set(labels)
            counts = kind != "gauge"
            assert counts == bool(re.search(rf"(rate|increase)\({name}\b", expression)), expression
        assert grouped <= there, expression
        shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
        assert shown <= (grouped or there), (expression, legend)


def test_every_metric_of_the_exporter_is_on_a_dashboard() -> None:
    asked = {
        name.removesuffix("_bucket").removesuffix("_count")
        for path in DASHBOARDS
        for expression, _ in queries(load(path))
        for name, _ in read(expression)[0]
    }
    # The limit of freshness is an alert's; how long a collector takes is nobody's daily concern.
    assert BY_NAME.keys() - asked == {
        "airbyte_freshness_limit_seconds",
        "lakelet_collector_seconds",
    }


def test_what_is_provisioned_is_what_compose_mounts() -> None:
    provisioning = GRAFANA / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    [provider] = yaml.safe_load((provisioning / "dashboards/lakelet.yml").read_text())["providers"]
    text = (CHECKOUT / "compose" / "monitoring.yml").read_text()
    grafana = yaml.safe_load(text)["services"]["grafana"]["volumes"]
    places = dict(volume.split(":")[:2] for volume in grafana)
    assert places["./monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert places["./monitoring/grafana/dashboards"] == provider["options"]["path"]
    uids = {panel["datasource"]["uid"] for path in DASHBOARDS for panel in load(path)["panels"]}
    assert uids == {source["uid"]}
    names = [load(path)["uid"] for path in DASHBOARDS]
    assert len(set(names)) == len(names) == 3
