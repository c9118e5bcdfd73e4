from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.environment import ensure_env_file
from services.common.settings import read_settings
from services.storage.users import PLAIN_BUCKETS, TABLE_BUCKETS, identities


@pytest.fixture
def actions(tmp_path: Path) -> dict[str, list[str]]:
    ensure_env_file(tmp_path)
    document = identities(read_settings(tmp_path))
    return {user["name"]: user["actions"] for user in document["identities"]}


def test_only_the_root_user_has_a_right_that_names_no_bucket(
    actions: dict[str, list[str]],
) -> None:
    buckets = {*TABLE_BUCKETS, *PLAIN_BUCKETS}
    for user, granted in actions.items():
        if user != "admin":
            assert all(action.rsplit(":", 1)[-1] in buckets for action in granted)


def test_the_engine_cannot_write_bronze_and_the_syncs_cannot_touch_gold(
    actions: dict[str, list[str]],
) -> None:
    assert "Write:bronze" not in actions["dremio"]
    assert "s3tables:*:bronze" not in actions["dremio"]
    assert not [action for action in actions["airbyte"] if action.endswith((":gold", ":silver"))]
