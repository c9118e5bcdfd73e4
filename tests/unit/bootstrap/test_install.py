from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap import install


def test_uv_is_installed_anew_when_what_pip_calls_installed_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    uv = tmp_path / "uv"

    def pip(command: list[str | Path], _extra: object = None) -> None:
        words = [str(word) for word in command]
        commands.append(words)
        if "--ignore-installed" in words:
            uv.write_text("#!/bin/sh\n")
            uv.chmod(0o755)

    monkeypatch.setattr(install, "_run", pip)
    uv.touch(mode=0o600)  # as a pip that was killed while it copied leaves it
    install._install_uv(uv)
    assert ["--ignore-installed" in words for words in commands] == [False, True]

    commands.clear()
    install._install_uv(uv)
    assert ["--ignore-installed" in words for words in commands] == [False]
