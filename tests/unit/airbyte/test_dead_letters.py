"""Which objects of refused records are put away: the newest only are looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.airbyte.jobs import dead_letters
from services.airbyte.jobs.dead_letters import VERSION, DeadLetters


class Bucket:
    """Objects with the version that they note, and what was asked of them."""

    def __init__(self, versions: dict[str, int | None]) -> None:
        self.versions, self.asked = versions, list[str]()

    def list_objects(self, bucket: str, prefix: str, recursive: bool) -> list[Any]:
        names = [name for name in self.versions if name.startswith(prefix)]
        return [SimpleNamespace(object_name=name, is_dir=False) for name in sorted(names)]

    def stat_object(self, bucket: str, name: str) -> Any:
        self.asked.append(name)
        version = self.versions[name]
        note = {} if version is None else {f"x-amz-meta-{VERSION}": str(version)}
        return SimpleNamespace(metadata=note)

    def copy_object(self, bucket: str, target: str, source: Any) -> None:
        self.versions[target] = self.versions[source.object_name]

    def remove_object(self, bucket: str, name: str) -> None:
        del self.versions[name]


def test_only_what_is_read_again_is_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {f"airbyte/c/job{job}-0/a.b.jsonl": job for job in range(1, 9)}
    bucket = Bucket(
        {
            **old,
            "airbyte/c/job9-0/a.b.jsonl": 9,
            "airbyte/c/job9-0/a.b.2.jsonl": 10,
            "airbyte/c/job9-0/a.b.10.jsonl": 12,
            "airbyte/c/job10-0/a.b.jsonl": None,
            "airbyte/c/job10-1/a.b.jsonl": 13,
            "airbyte/c/job10-1/a.jsonl": 13,
        }
    )
    monkeypatch.setattr(dead_letters, "_client", lambda where: bucket)
    where: Any = None
    letters = DeadLetters(where, job_id=11, attempt=0, connection_id="c", limit=0)
    letters.reading("a.b", "a.b", 12)
    repeated = {name for name in bucket.versions if name.startswith("repeated/")}
    assert repeated == {
        "repeated/airbyte/c/job9-0/a.b.10.jsonl",
        "repeated/airbyte/c/job10-1/a.b.jsonl",
    }
    assert not old.keys() & set(bucket.asked)
    letters.filled_anew("a.b")
    left = {name for name in bucket.versions if not name.startswith("repeated/")}
    assert left == {"airbyte/c/job10-0/a.b.jsonl", "airbyte/c/job10-1/a.jsonl"}
