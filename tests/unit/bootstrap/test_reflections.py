"""reflections/*.yml: read, checked, and turned into what Dremio's API takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.reflections import apply_reflections, read_reflections
from services.common.errors import ConfigError
from services.common.settings import CHECKOUT


class FakeDremio:
    """Keeps reflections as the API does."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def by_path(self, *path: str) -> dict[str, Any] | None:
        return {"id": "d1"} if path[0] == "gold" else None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.calls.append(method)
        if method == "GET":
            return {"data": list(self.kept.values())}
        made = {**body, "id": body["name"], "tag": str(len(self.calls))}
        if method == "PUT":
            assert body["tag"] == self.kept[body["name"]]["tag"]
        self.kept[body["name"]] = made
        return made


def test_the_checkouts_own_files_can_be_read() -> None:
    assert {each.dataset for each in read_reflections(CHECKOUT / "reflections")}


def test_apply_makes_changes_and_leaves(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    text = "dataset: gold.t\naggregation:\n  r:\n    dimensions: [a]\n    dates: [t]\n"
    file.write_text(text + "    measures: {v: [sum, count]}\n")
    dremio: Any = FakeDremio()
    assert [d["done"] for d in apply_reflections(dremio, read_reflections(tmp_path))] == ["made"]
    assert dremio.kept["r"]["dimensionFields"] == [
        {"name": "a", "granularity": "NORMAL"},
        {"name": "t", "granularity": "DATE"},
    ]
    assert dremio.kept["r"]["measureFields"] == [{"name": "v", "measureTypeList": ["SUM", "COUNT"]}]
    done = apply_reflections(dremio, read_reflections(tmp_path))
    assert [d["done"] for d in done] == ["as it was"]
    file.write_text(text + "    measures: {v: [sum, count, max]}\n")
    done = apply_reflections(dremio, read_reflections(tmp_path))
    assert [d["done"] for d in done] == ["changed"]


def test_mistakes_name_the_file_and_the_dataset(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("dataset: lost.t\nrow: {}\n")
    with pytest.raises(ConfigError, match=r"bad\.yml"):
        read_reflections(tmp_path)
    (tmp_path / "bad.yml").write_text("dataset: lost.t\n")
    with pytest.raises(ConfigError, match=r"lost\.t"):
        apply_reflections(FakeDremio(), read_reflections(tmp_path))  # type: ignore[arg-type]
