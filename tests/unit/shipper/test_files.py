from __future__ import annotations

from pathlib import Path

from services.shipper.checkpoint import Checkpoint
from services.shipper.files import Line, unread


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
