from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.shipper.checkpoint import Checkpoint
from services.shipper.files import Line, Unreadable, unread


def take(folder: Path, checkpoint: Checkpoint, limit: int = 1 << 20) -> list[Line]:
    """Read and check off."""
    lines = list(unread([folder], checkpoint, limit))
    for line in lines:
        checkpoint.files[line.inode].offset = line.end
    return lines


def test_rotation_loses_and_doubles_no_line(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    logs = tmp_path / "logs"
    logs.mkdir()
    current, written, seen = logs / "dremio.log", [], []
    for round_ in range(6):
        lines = [f"{round_} line {n}" for n in range(10)]
        with current.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        written += lines
        if round_ % 2:  # now and then a rotation comes before the reader
            current.rename(logs / "dremio.log.1")
        seen += [line.text for line in take(logs, checkpoint)]
    assert seen == written


def test_an_unfinished_line_waits(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    path = tmp_path / "a.log"
    path.write_text("whole\nhal")
    assert [line.text for line in take(tmp_path, checkpoint)] == ["whole"]
    with path.open("a") as file:
        file.write("f\n")
    assert [line.text for line in take(tmp_path, checkpoint)] == ["half"]


def test_ids_are_the_same_when_a_line_is_read_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    (tmp_path / "a.log").write_text("one\ntwo\n")
    first = [line.id for line in unread([tmp_path], checkpoint, 1 << 20)]
    checkpoint.save()
    again = Checkpoint.load(tmp_path / "c")
    assert [line.id for line in unread([tmp_path], again, 1 << 20)] == first
    assert len(set(first)) == 2


def test_little_is_read_at_once_and_everything_in_the_end(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    (tmp_path / "a.log").write_text("".join(f"line {n}\n" for n in range(500)))
    seen: list[str] = []
    while lines := take(tmp_path, checkpoint, limit=100):
        assert len(lines) <= 20
        seen += [line.text for line in lines]
    assert seen == [f"line {n}" for n in range(500)]


def test_what_may_not_be_read_is_told_once_and_shipped_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closed, open_ = tmp_path / "closed", tmp_path / "open"
    for folder in (closed, open_):
        folder.mkdir()
        (folder / f"{folder.name}.log").write_text("one\n")
    (open_ / "folder.log").mkdir()
    checkpoint, unreadable = Checkpoint(tmp_path / "c"), Unreadable()

    def look() -> list[str]:
        lines = list(unread([closed, open_], checkpoint, 1 << 20, unreadable))
        for line in lines:
            checkpoint.files[line.inode].offset = line.end
        return [f"{line.service} {line.text}" for line in lines]

    assert look() == ["closed one", "open one"]
    assert set(unreadable.since) == {open_ / "folder.log"}
    list_folder = Path.iterdir

    def forbidden(folder: Path) -> Iterator[Path]:
        if folder == closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return list_folder(folder)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", forbidden)
        for text in ("two", "three"):
            for folder in (closed, open_):
                with (folder / f"{folder.name}.log").open("a") as file:
                    file.write(f"{text}\n")
            assert look() == [f"open {text}"]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        f"{open_ / 'folder.log'} cannot be read and is not shipped: it is a folder",
        f"{closed} cannot be read and is not shipped: Permission denied",
    ]
    assert look() == ["closed two", "closed three"]
    assert set(unreadable.since) == {open_ / "folder.log"}
