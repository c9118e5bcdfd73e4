"""What a stream's name in lakelet.yml means."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.provision.airbyte import SOURCE_DEFINITIONS
from bootstrap.provision.streams import find_stream, need_stream
from services.airbyte.definitions.registry import registry
from services.common.errors import ConfigError, NotFoundError


def entry(name: str, namespace: str | None = None) -> dict[str, Any]:
    return {"stream": {"name": name, "namespace": namespace}, "config": {}}


ENTRIES = [
    entry("orders", "public"),
    entry("orders", "sales"),
    entry("Employee.Data", "hr"),
    entry("posts"),
]


@pytest.mark.parametrize("name", ["Employee.Data", "hr.Employee.Data", "sales.orders", "posts"])
def test_a_stream_is_found_by_its_name_with_or_without_its_schema(name: str) -> None:
    found = find_stream(ENTRIES, name)
    assert found is not None
    assert name.endswith(found["stream"]["name"])
    assert found["stream"]["namespace"] in (None, "hr", "sales")


def test_a_name_that_two_schemas_have_is_not_guessed() -> None:
    with pytest.raises(ConfigError, match=r"c: several.*public\.orders or sales\.orders"):
        need_stream(ENTRIES, "orders", "c")


def test_a_wrong_name_is_answered_with_the_near_ones_and_not_with_a_thousand() -> None:
    many = [entry(f"table_{number:04}") for number in range(1000)] + [entry("Customers")]
    with pytest.raises(NotFoundError, match=r"did you mean Customers\? It has: .* and 971 more$"):
        need_stream(many, "customer", "c")


def test_every_built_in_source_can_be_named_in_the_file() -> None:
    built_in = {definition.id for definition in registry().listing("source")}
    assert {str(one) for one in built_in} == set(SOURCE_DEFINITIONS.values())
