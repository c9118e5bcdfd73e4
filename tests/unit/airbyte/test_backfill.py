"""Which streams are read from the start when columns were taken over."""

from __future__ import annotations

from typing import Any

import pytest

from services.airbyte.cdk.changes import differences, take_over
from services.airbyte.jobs.backfill import keys

OLD = {"id": {"type": "integer"}, "at": {"type": "integer"}}


def catalog(columns: dict[str, Any], **config: Any) -> dict[str, Any]:
    stream = {"name": "a", "namespace": "n", "jsonSchema": {"properties": columns}}
    chosen = {"syncMode": "incremental", "destinationSyncMode": "append", "cursorField": ["at"]}
    return {"streams": [{"stream": stream, "config": {**chosen, **config}}]}


@pytest.mark.parametrize(
    ("columns", "config", "wanted"),
    [
        ({**OLD, "tip": {"type": "number"}}, {}, {"n\x1fa"}),
        ({**OLD, "id": {"type": "string"}}, {}, {"n\x1fa"}),
        ({"at": OLD["at"]}, {}, set()),
        ({**OLD, "tip": {"type": "number"}}, {"syncMode": "full_refresh"}, set()),
        ({**OLD, "tip": {"type": "number"}}, {"selected": False}, set()),
        (
            {**OLD, "tip": {"type": "number"}},
            {"fieldSelectionEnabled": True, "selectedFields": [{"fieldPath": ["id"]}]},
            set(),
        ),
        (
            {**OLD, "tip": {"type": "number"}},
            {"fieldSelectionEnabled": True, "selectedFields": [{"fieldPath": ["tip"]}]},
            {"n\x1fa"},
        ),
    ],
)
def test_streams(columns: dict[str, Any], config: dict[str, Any], wanted: set[str]) -> None:
    chosen, offered = catalog(OLD, **config), catalog(columns)
    changes = differences(chosen, offered)
    assert keys(take_over(chosen, offered, fully=False), changes) == wanted
