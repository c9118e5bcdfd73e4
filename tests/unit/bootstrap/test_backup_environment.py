"""`.env` after a restore: whose line it is."""

from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from bootstrap.backup.environment import merged

BACKUP = """# mine
ADMIN_PASSWORD=theirs
S3_PORT=9000
MY_PASSWORD='a b#c"$d'
COMPOSE_PROJECT_NAME=lakelet-old
RUNTIME=compose
EMPTY=
"""


def read(text: str, folder: Path) -> dict[str, str | None]:
    path = folder / "merged"
    path.write_text(text)
    return dotenv_values(path)


def test_into_an_empty_home_goes_all_but_where_it_ran(tmp_path: Path) -> None:
    found = read(merged(BACKUP, tmp_path / ".env"), tmp_path)
    assert found["MY_PASSWORD"] == 'a b#c"$d'
    assert (found["ADMIN_PASSWORD"], found["S3_PORT"]) == ("theirs", "9000")
    assert not found.keys() & {"COMPOSE_PROJECT_NAME", "RUNTIME"}


def test_secrets_are_the_backups_and_ports_the_machines(tmp_path: Path) -> None:
    present = tmp_path / ".env"
    present.write_text("ADMIN_PASSWORD=here\nS3_PORT=19000\nRUNTIME=embedded\n# X=1\nOWN='q w'\n")
    text = merged(BACKUP, present)
    found = read(text, tmp_path)
    assert (found["ADMIN_PASSWORD"], found["S3_PORT"]) == ("theirs", "19000")
    assert (found["RUNTIME"], found["OWN"]) == ("embedded", "q w")
    assert text.count("S3_PORT=") == 1
    assert "OWN='q w'" in text  # the very line
