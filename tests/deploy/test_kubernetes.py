"""Helm values and Terraform: every key is the chart's, every secret is made, none is written down.

With LAKELET_CHARTS=FOLDER (the charts, named as in tests/deploy/charts.py) and the packages
helm-python-sdk and kubernetes-validate, they are rendered and held to Kubernetes' schemas as well.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from services.common.settings import CHECKOUT
from tests.deploy.charts import HELM, ours, paths, unknown

TERRAFORM = CHECKOUT / "deploy" / "terraform"
FACTS = json.loads(Path(__file__).with_name("chart_values.json").read_text())
CHARTS = yaml.safe_load((HELM / "charts.yaml").read_text())
VALUED = sorted(path.stem for path in HELM.glob("*.yaml") if path.stem != "charts")
SECRET = re.compile(r"password|secret(?!Name)|token|accessKey|secretKey", re.IGNORECASE)


def bare(text: Any) -> str:
    return str(text).strip('"')


def terraform() -> dict[str, list[dict[str, Any]]]:
    """Return the blocks of all files by kind."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(TERRAFORM.glob("*.tf")):
        with path.open() as file:
            for kind, found in hcl2.load(file).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


def resources(kind: str) -> dict[str, dict[str, Any]]:
    found = {}
    for block in terraform()["resource"]:
        for name, described in block.items():
            if bare(name) == kind:
                found |= {bare(n): body for n, body in described.items()}
    return found


def source() -> str:
    return "\n".join(path.read_text() for path in sorted(TERRAFORM.glob("*.tf")))


def secrets_made() -> dict[str, set[str]]:
    """Return the keys of each secret that Terraform makes."""
    users = re.search(r"s3_users = toset\(\[(.*?)\]\)", source())
    assert users
    made = {}
    for body in resources("kubernetes_secret_v1").values():
        name = bare(body["metadata"][0]["name"])
        for user in re.findall(r'"(\w+)"', users[1]):
            made[name.replace("${each.key}", user)] = {bare(key) for key in body["data"]}
    return made


@pytest.mark.parametrize("name", VALUED)
def test_every_key_is_one_of_the_charts(name: str) -> None:
    assert unknown(ours(name), FACTS[name]) == []


def test_a_key_that_no_chart_has_is_found() -> None:
    values = ours("airbyte")
    values["global"]["storage"]["minio"]["endpint"] = "x"
    values["globl"] = {"edition": "community"}
    assert unknown(values, FACTS["airbyte"]) == ["global.storage.minio.endpint", "globl.edition"]


@pytest.mark.parametrize("name", VALUED)
def test_no_secret_stands_in_a_values_file(name: str) -> None:
    names_only = re.compile(r"(existingSecret(Key)?|SecretKey|secretName|\w*Key|create)$")
    for path in paths(ours(name)):
        value: Any = ours(name)
        for part in path.split("."):
            value = value[part]
        last = path.rpartition(".")[2]
        if SECRET.search(last) and not names_only.search(last):
            assert value in (None, False, True) or str(value).startswith("lakelet-"), path
    assert "changeme" not in (HELM / f"{name}.yaml").read_text().lower()


@pytest.mark.parametrize("name", VALUED)
def test_images_and_memory_are_bounded(name: str) -> None:
    text = (HELM / f"{name}.yaml").read_text()
    assert "latest" not in text
    if name not in {"eck-operator", "dremio"}:  # Dremio's chart limits by its own `memory`
        assert "limit" in text


def test_every_secret_that_values_name_is_made() -> None:
    named = set()
    for name in VALUED:
        named |= set(re.findall(r"\blakelet-[a-z0-9-]+", (HELM / f"{name}.yaml").read_text()))
    named -= {"lakelet-logs", "lakelet-kibana"}  # names of servers
    assert named <= secrets_made().keys()
    assert secrets_made()["lakelet-s3-logs"] == {"CONSOLE_ACCESS_KEY", "CONSOLE_SECRET_KEY"}


def test_terraform_uses_each_values_file_and_chart_once() -> None:
    used = re.findall(r'file\("\$\{local\.values\}/([\w-]+)\.yaml"\)', source())
    assert sorted(used) == VALUED
    assert {bare(v) for v in re.findall(r'local\.charts\["([\w-]+)"\]', source())} == set(CHARTS)
    assert {chart["values"] for chart in CHARTS.values() if "values" in chart} == {
        f"{name}.yaml" for name in VALUED
    }


def test_terraform_names_only_what_it_declares() -> None:
    text = source()
    declared = {bare(name) for block in terraform()["variable"] for name in block}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == declared
    local = {name for block in terraform()["locals"] for name in block}
    local = {name for name in local if not name.startswith("__")}
    assert set(re.findall(r"\blocal\.(\w+)", text)) == local
    kinds = ("kubernetes_secret_v1", "helm_release", "kubernetes_namespace_v1")
    for kind in (*kinds, "kubernetes_service_v1", "random_password"):
        for name in re.findall(rf"\b{kind}\.(\w+)", text):
            assert name in resources(kind), f"{kind}.{name}"
    generated = re.search(r"generated = toset\(\[(.*?)\]\)", text, re.DOTALL)
    assert generated
    asked = set(re.findall(r'random_password\.generated\["([\w-]+)"\]', text))
    assert asked <= set(re.findall(r'"([\w-]+)"', generated[1]))


def test_the_services_that_values_name_are_there() -> None:
    """MinIO's operator makes `minio`; PostgreSQL's name is made here."""
    named = set()
    for name in VALUED:
        text = (HELM / f"{name}.yaml").read_text()
        named |= set(re.findall(r"([\w-]+)\.lakelet\.svc\.cluster\.local", text))
    assert named == {"minio", "postgres"}
    assert 'postgres_service = "postgres"' in source()


rendered = pytest.mark.skipif(
    "LAKELET_CHARTS" not in os.environ,
    reason="NOT RENDERED: set LAKELET_CHARTS to a folder of the vendors' charts",
)


@rendered
@pytest.mark.parametrize("name", VALUED)
def test_rendered_charts_are_kubernetes(name: str) -> None:
    from helm_python.chart import Chart
    from kubernetes_validate import SchemaNotFoundError, validate

    folder = Path(os.environ["LAKELET_CHARTS"]) / name
    if not (folder / "Chart.yaml").exists():
        pytest.skip(f"no chart in {folder}")
    values = ours(name)
    if name == "dremio":  # what Terraform sets
        values["distStorage"]["aws"]["credentials"] = {"accessKey": "dremio", "secret": "s"}
    with Chart.load(folder) as chart:
        files = chart.render(values=values, name=name, namespace="lakelet")
    documents = [
        document
        for path, text in files.items()
        if not path.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]
    assert documents
    for document in documents:
        try:
            validate(document, "1.34", strict=True)
        except SchemaNotFoundError:
            assert "." in document["apiVersion"]  # a resource of the vendor's own
    asked = re.findall(r"key: ([\w.-]+)\n +name: (lakelet-[\w-]+)", yaml.safe_dump(documents))
    for key, secret in asked:
        assert key in secrets_made()[secret], f"{secret} has no {key}"
