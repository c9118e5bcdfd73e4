from __future__ import annotations

import copy
from typing import Any

from bootstrap.differences import DIFFERS, EXTRA, MISSING
from bootstrap.platform_file import Platform
from bootstrap.provision.airbyte import connection_settings, stream_config
from bootstrap.provision.planning import plan_ingestion

PLATFORM = Platform.model_validate(
    {
        "version": 1,
        "sources": {
            "shop": {
                "type": "postgres",
                "configuration": {
                    "port": 5432,
                    "password": "not to be shown",
                    "tunnel_method": {"tunnel_method": "NO_TUNNEL"},
                },
            }
        },
        "connections": {
            "shop": {
                "source": "shop",
                "namespace": "shop",
                "streams": {
                    "orders": {
                        "mode": "incremental",
                        "write": "append_dedup",
                        "cursor": "updated_at",
                        "key": ["order_id"],
                    }
                },
            }
        },
        "layers": {},
        "dbt": {"layers": []},
    }
)


class FakeAirbyte:
    """Answers as Airbyte lists what `lakelet apply` has made."""

    def __init__(self) -> None:
        shown = copy.deepcopy(PLATFORM.sources["shop"].configuration)
        wanted = PLATFORM.connections["shop"]
        stream = {"stream": {"name": "orders"}, "config": stream_config(wanted.streams["orders"])}
        configuration = {**shown, "password": "**********"}
        self.sources = {"shop": {"sourceId": "s1", "connectionConfiguration": configuration}}
        self.connections = {
            "shop": {
                **connection_settings(wanted),
                "sourceId": "s1",
                "syncCatalog": {"streams": [stream]},
            }
        }

    def all_of(self, kind: str) -> Any:
        return getattr(self, kind)


def told(airbyte: FakeAirbyte) -> list[tuple[str, str, str, tuple[str, ...]]]:
    found = plan_ingestion(airbyte, PLATFORM)  # type: ignore[arg-type]
    return [(d.part, d.name, d.state, d.fields) for d in found]


def test_what_was_applied_is_as_the_file_says() -> None:
    assert told(FakeAirbyte()) == []


def test_what_is_missing_or_in_no_file_is_told() -> None:
    airbyte = FakeAirbyte()
    airbyte.sources["other"] = airbyte.sources.pop("shop")
    airbyte.connections.clear()
    assert told(airbyte) == [
        ("source", "shop", MISSING, ()),
        ("connection", "shop", MISSING, ()),
        ("source", "other", EXTRA, ()),
    ]


def test_changes_by_hand_are_told_without_secrets() -> None:
    airbyte = FakeAirbyte()
    airbyte.sources["shop"]["connectionConfiguration"]["port"] = 5433
    airbyte.sources["shop"]["connectionConfiguration"].pop("password")
    airbyte.connections["shop"]["status"] = "inactive"
    airbyte.connections["shop"]["syncCatalog"]["streams"][0]["config"]["syncMode"] = "full_refresh"
    assert told(airbyte) == [
        ("source", "shop", DIFFERS, ("port: 5433 → 5432", "password: not set")),
        (
            "connection",
            "shop",
            DIFFERS,
            (
                "status: 'inactive' → 'active'",
                "streams.orders.syncMode: 'full_refresh' → 'incremental'",
            ),
        ),
    ]


def test_a_mapper_that_differs_is_told_and_its_id_is_not_looked_at() -> None:
    airbyte = FakeAirbyte()
    mapper = {"type": "field-filtering", "mapperConfiguration": {"targetField": "mail"}}
    streams = airbyte.connections["shop"]["syncCatalog"]["streams"]
    streams[0]["config"]["mappers"] = [{**mapper, "id": "6f1e"}]
    [(_, name, state, fields)] = told(airbyte)
    assert (name, state) == ("shop", DIFFERS)
    assert fields == (f"streams.orders.mappers: [{mapper!r}] → []",)
    document = PLATFORM.model_dump()
    document["connections"]["shop"]["streams"]["orders"]["mappers"] = [mapper]
    wanted = Platform.model_validate(document)
    assert list(plan_ingestion(airbyte, wanted)) == []  # type: ignore[arg-type]


def test_what_was_taken_out_of_the_file_is_told() -> None:
    airbyte = FakeAirbyte()
    airbyte.connections["shop"] |= {"prefix": "old_", "continuous": {"every": 0.5}}
    assert told(airbyte) == [
        (
            "connection",
            "shop",
            DIFFERS,
            ("prefix: 'old_' → not set", "continuous: {'every': 0.5} → not set"),
        )
    ]


def test_a_connection_of_another_source_is_told() -> None:
    airbyte = FakeAirbyte()
    airbyte.sources["old"] = {**airbyte.sources["shop"], "sourceId": "s0"}
    airbyte.connections["shop"]["sourceId"] = "s0"
    assert ("connection", "shop", DIFFERS, ("source: 'old' → 'shop'",)) in told(airbyte)
