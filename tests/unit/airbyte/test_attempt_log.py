"""An attempt's log of a source that never stops talking."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.airbyte.jobs import attempt_log


def test_a_source_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_log, "_MOST", 1000)
    log = attempt_log.AttemptLog(tmp_path, 1, 0, "c")
    for _ in range(100):
        log.write("not ready yet", source="source", level="WARNING")
    log.write("attempt 0 ends")
    kept = attempt_log.lines(tmp_path, 1, 0)
    assert len(kept) == 1000 // len("not ready yet") + 2
    assert kept[-2].endswith("the rest of its log is left out")
    assert kept[-1].endswith("attempt 0 ends")
