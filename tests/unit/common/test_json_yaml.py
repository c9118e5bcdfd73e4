from __future__ import annotations

import pytest
import yaml

from services.common import json_yaml


def test_keys_and_dates_stay_what_was_written() -> None:
    text = """
    base: &base {on: 1, 404: missing}
    properties: {no: {type: string}, yes: {type: array}}
    start: 2024-01-01
    at: 2024-01-01T00:00:00Z
    flag: yes
    more:
      <<: *base
      404: found
    """
    assert json_yaml.load(text) == {
        "base": {"on": 1, "404": "missing"},
        "properties": {"no": {"type": "string"}, "yes": {"type": "array"}},
        "start": "2024-01-01",
        "at": "2024-01-01T00:00:00Z",
        "flag": True,
        "more": {"on": 1, "404": "found"},
    }


@pytest.mark.parametrize(
    "text", ["a: [", "a: !!set {x}", f"a: {2**70}", "a: &x [*x]", "? [1]\n: 2"]
)
def test_what_json_cannot_hold_is_told(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        json_yaml.load(text)
