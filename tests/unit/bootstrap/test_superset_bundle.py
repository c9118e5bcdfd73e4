"""The zip of assets: this platform's address, no secret, stable identities, whole references."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml

from bootstrap.environment import ensure_env_file
from bootstrap.superset import Bundle, build_bundle
from bootstrap.superset.bundle import ASSETS, LOG_LINES, WATCHING
from bootstrap.superset.importing import _told
from services.common.errors import ConfigError
from services.common.settings import CHECKOUT, Settings, read_settings

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://lakelet.local/superset")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / ".env").write_text("ADMIN_USER=jo@ex\nDREMIO_FLIGHT_PORT=15010\n")
    ensure_env_file(tmp_path)
    return read_settings(tmp_path)


def documents(bundle: Bundle) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        return {
            name.removeprefix("lakelet/"): yaml.safe_load(archive.read(name))
            for name in archive.namelist()
        }


def test_the_address_is_this_platforms_and_the_password_stays_outside(settings: Settings) -> None:
    bundle = build_bundle(settings)
    address = documents(bundle)["databases/Lakelet.yaml"]["sqlalchemy_uri"]
    assert address == (
        "dremio+flight://jo%40ex:XXXXXXXXXX@127.0.0.1:15010/dremio?UseEncryption=false"
    )
    password = settings.admin_password.get_secret_value()
    assert bundle.passwords == {"databases/Lakelet.yaml": password}
    assert not any(password in yaml.safe_dump(doc) for doc in documents(bundle).values())


def test_superset_may_ask_as_a_user_of_its_own(settings: Settings) -> None:
    bundle = build_bundle(settings, login=("superset", settings.password_of("superset")))
    address = documents(bundle)["databases/Lakelet.yaml"]["sqlalchemy_uri"]
    assert address.startswith("dremio+flight://superset:XXXXXXXXXX@127.0.0.1:15010/")
    assert bundle.passwords == {"databases/Lakelet.yaml": settings.password_of("superset")}
    assert settings.password_of("superset") != settings.password_of("dbt")
    admin = settings.admin_password.get_secret_value()
    assert not any(admin in yaml.safe_dump(doc) for doc in documents(bundle).values())


def test_with_tls_superset_trusts_the_certificate(settings: Settings) -> None:
    bundle = build_bundle(settings.model_copy(update={"dremio_flight_tls": "on"}))
    address = documents(bundle)["databases/Lakelet.yaml"]["sqlalchemy_uri"]
    assert address.endswith(f"?UseEncryption=true&TrustedCerts={settings.flight_certificate}")


def test_the_same_files_make_the_same_bytes(settings: Settings) -> None:
    assert build_bundle(settings).content == build_bundle(settings).content


def test_references_between_the_files_hold(settings: Settings) -> None:
    docs = documents(build_bundle(settings))
    of_kind = {
        kind: [doc for name, doc in docs.items() if name.startswith(f"{kind}/")]
        for kind in ("databases", "datasets", "charts", "dashboards")
    }
    databases = {doc["uuid"] for doc in of_kind["databases"]}
    datasets = {doc["uuid"]: doc for doc in of_kind["datasets"]}
    charts = {doc["uuid"]: doc for doc in of_kind["charts"]}
    assert all(doc["database_uuid"] in databases for doc in datasets.values())
    placed = [
        item["meta"]["uuid"]
        for dashboard in of_kind["dashboards"]
        for item in dashboard["position"].values()
        if isinstance(item, dict) and item["type"] == "CHART"
    ]
    assert sorted(placed) == sorted(charts)
    assert len(of_kind["dashboards"]) == 2
    for chart in charts.values():
        dataset = datasets[chart["dataset_uuid"]]
        known = {m["metric_name"] for m in dataset["metrics"]}
        known |= {c["column_name"] for c in dataset["columns"]}
        for query in json.loads(chart["query_context"])["queries"]:
            columns = [
                c if isinstance(c, str) else c["sqlExpression"] for c in query.get("columns", [])
            ]
            columns += [f["col"] for f in query["filters"]]
            assert {*columns, *query.get("metrics", [])} <= known, chart["slice_name"]


def test_datasets_show_columns_that_the_models_have() -> None:
    models: dict[str, set[str]] = {}
    for path in (ASSETS.parent / "dbt" / "models" / "marts").glob("*.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            models[model["name"]] = {column["name"] for column in model["columns"]}
    for path in ASSETS.glob("datasets/*/*.yaml"):
        dataset = yaml.safe_load(path.read_text())
        shown = {column["column_name"] for column in dataset["columns"]}
        assert shown <= models[dataset["table_name"]], path.name


def test_a_set_may_be_left_out(settings: Settings) -> None:
    docs = documents(build_bundle(settings, without=(WATCHING,)))
    assert [n for n in docs if n.startswith("dashboards/")] == [
        "dashboards/Customer_analytics.yaml"
    ]
    assert not [n for n in docs if "health" in n]
    assert set(documents(build_bundle(settings))) > set(docs)


def test_health_asks_for_what_the_sources_have() -> None:
    view = (CHECKOUT / "services/airbyte/migrations/0050_history.sql").read_text()
    template = json.loads(
        (CHECKOUT / "monitoring/elasticsearch/templates/service-logs.json").read_text()
    )
    there = {
        "sync_history": set(
            re.findall(r"\b(\w+),?$", view.partition("\nFROM jobs")[0], re.MULTILINE)
        ),
        "log_lines": set(template["template"]["mappings"]["properties"]),
    }
    for path in ASSETS.glob(f"{WATCHING}/datasets/*/*.yaml"):
        dataset = yaml.safe_load(path.read_text())
        query = sqlglot.parse_one(dataset["sql"], dialect="dremio")
        read = {column.name for column in query.find_all(sqlglot.exp.Column)} - {"HOUR"}
        assert read <= there[dataset["table_name"]], path.name
        assert [c["column_name"] for c in dataset["columns"]] == query.named_selects


@pytest.mark.parametrize("path", sorted(ASSETS.rglob("charts/*.yaml")), ids=lambda p: p.stem)
def test_identities_come_from_names(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    assert document["uuid"] == str(uuid.uuid5(NAMESPACE, f"chart/{path.stem}"))


def test_a_chart_without_a_query_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "charts"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("slice_name: A\nuuid: x\nquery_context: null\n")
    with pytest.raises(ConfigError, match=r"a\.yaml: a chart needs a query_context"):
        build_bundle(settings, tmp_path / "assets")


def test_a_file_that_is_no_yaml_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "metadata.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"metadata\.yaml: not readable as YAML"):
        build_bundle(settings, tmp_path / "assets")


def test_a_password_the_driver_would_cut_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ADMIN_PASSWORD='abc;defghi'\n")
    ensure_env_file(tmp_path)
    with pytest.raises(ConfigError, match="contains ';'"):
        build_bundle(read_settings(tmp_path))


def test_charts_with_the_same_problem_are_told_together() -> None:
    text = _told({"B": "400: no table", "A": "400: no table", "C": "", "D": "500: down"})
    assert text == "Superset: 3 of 4 charts do not answer: A, B: 400: no table; D: 500: down"


def test_without_the_log_store_the_charts_over_it_leave_no_trace(settings: Settings) -> None:
    whole, bundle = build_bundle(settings), build_bundle(settings, without_tables=(LOG_LINES,))
    before, after = documents(whole), documents(bundle)
    gone = before.keys() - after.keys()
    assert {name.split("/")[0] for name in gone} == {"charts", "datasets"}
    assert {before[name].get("table_name") for name in gone if "datasets" in name} == {LOG_LINES}
    text = yaml.safe_dump(after)
    assert not [name for name in gone if before[name]["uuid"] in text]
    [health] = [d for d in after.values() if d.get("slug") == "pipeline-health"]
    position = health["position"]
    shown = {n["meta"]["uuid"] for n in position.values() if n in _nodes(position, "CHART")}
    assert shown == {d["uuid"] for n, d in after.items() if n.startswith("charts/health_")}
    assert len(shown) >= 4
    children = [c for n in position.values() if isinstance(n, dict) for c in n.get("children", [])]
    assert set(children) <= position.keys()
    assert all(row["children"] for row in _nodes(position, "ROW"))
    others = {n: d for n, d in before.items() if n not in gone and d.get("slug") != health["slug"]}
    assert others == {n: d for n, d in after.items() if d.get("slug") != health["slug"]}


def _nodes(position: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [n for n in position.values() if isinstance(n, dict) and n["type"] == kind]
