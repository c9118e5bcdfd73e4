"""The examples of the pages on ingestion are run as they stand there."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from bootstrap.platform_file import Platform
from services.airbyte.cdk.catalog import configured_streams
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.source import Environment
from services.airbyte.sources import page
from services.common.settings import CHECKOUT

PAGES = CHECKOUT / "docs" / "ingestion"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


def test_the_worked_source_reads_and_goes_on(tmp_path: Path) -> None:
    [code] = blocks("build-a-source.md", "python")
    assert len(code.splitlines()) < 80
    names: dict[str, Any] = {}
    exec(compile(code, "build-a-source.md", "exec"), names)  # noqa: S102 - our own page
    source = names["SqliteSource"]()
    env = Environment(tmp_path, "", "", "", log=print, dead_letters=lambda *_: "")
    with pytest.raises(ConnectorError, match="set path"):
        source.check({"path": "../none.db"}, env)
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("CREATE TABLE things (id INTEGER, price REAL, name TEXT)")
        db.executemany("INSERT INTO things VALUES (?, ?, ?)", [(i, i / 2, "x") for i in range(9)])
    config = {"path": "shop.db"}
    source.check(config, env)
    [found] = source.discover(config, env)
    chosen = {"syncMode": "incremental", "destinationSyncMode": "append"}
    entry = {"stream": found.as_json(), "config": chosen}
    [stream] = configured_streams({"streams": [entry]})
    duck = duckdb.connect()

    def read(state: Any) -> tuple[Any, Any]:
        with source.read(config, stream, state, duck, env) as reading:
            query = f"SELECT count(*), sum(id), sum(price), max(name) FROM {reading.relation}"
            return duck.execute(query).fetchone(), reading.state()

    assert read(None) == ((9, 36, 18.0, "x"), {"rowid": 9})
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("INSERT INTO things VALUES (100, 1, 'new')")
    assert read({"rowid": 9}) == ((1, 100, 1.0, "new"), {"rowid": 10})


@pytest.mark.parametrize(
    "page",
    [
        "connectors.md",
        "add-an-api.md",
        "files.md",
        "cdc.md",
        "mongodb.md",
        "sqlserver.md",
        "mappers.md",
    ],
)
def test_what_is_for_lakelet_yml_is_taken_there(page: str) -> None:
    whole = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    examples = [yaml.safe_load(text) for text in blocks(page, "yaml")]
    [example] = [e for e in examples if "sources" in e]
    sources = {**whole["sources"], **example["sources"]}
    Platform.model_validate({**whole, **example, "sources": sources})


def test_the_tables_of_types_are_those_of_the_code() -> None:
    now = {name: (PAGES / name).read_text() for name in page.pages()}
    assert page.pages() == now, "run python -m services.airbyte.sources.page"


def test_every_page_on_ingestion_is_named_by_the_entry_page() -> None:
    entry = (CHECKOUT / "docs" / "ingestion.md").read_text()
    assert [p.name for p in PAGES.glob("*.md") if f"ingestion/{p.name}" not in entry] == []
