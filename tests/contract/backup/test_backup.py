"""Back up, change, wipe, restore: every row, object and file is as it was."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.backup.lake import storage_client
from bootstrap.backup.store import FolderStore
from bootstrap.progress import Progress
from bootstrap.upgrade import upgrade
from services.common.errors import PermanentError, TransientError
from services.common.settings import read_settings
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from tests.contract.backup.conftest import SMALL, dremio_of, every_row, shop_rows, start
from tests.support.platform import Home

State = tuple[Any, ...]


def state_of(home: Home) -> State:
    """Return all that must come back."""
    landing = {
        item.object_name: storage_client(home.settings).get_object("landing", item.object_name).data
        for item in storage_client(home.settings).list_objects("landing", recursive=True)
    }
    inbox = (home.settings.inbox_dir / "sub" / "flights.csv").read_text()
    return every_row(home), shop_rows(home), landing, inbox


@pytest.fixture(scope="module")
def first(written: Home, place: Path) -> tuple[dict[str, Any], State]:
    """A backup of the platform at work, and what the platform held then."""
    before = state_of(written)
    assert len(before[0]["gold.facts"]) == 3
    assert [row["name"] for row in before[0]["gold.changed"]] == ["zwei", "three"]
    return written.lakelet_json("backup", str(place)), before


def test_the_platform_runs_on_as_it_was(written: Home, first: tuple[dict[str, Any], State]) -> None:
    status = {row.name for row in Supervisor(written.settings).status() if row.pid}
    assert status == set(SMALL)
    assert state_of(written) == first[1]
    assert first[0]["tables"] == 5
    assert {"shop", "dremio", "airbyte", "superset"} <= set(first[0]["databases"])


def test_a_second_backup_adds_only_what_is_new(
    written: Home, place: Path, first: tuple[dict[str, Any], State]
) -> None:
    dremio_of(written).sql("INSERT INTO gold.facts VALUES (9, 'c', 1.00, NULL, 'new')")
    big = 200_000
    storage_client(written.settings).put_object("dlq", "late", io.BytesIO(os.urandom(big)), big)
    second = written.lakelet_json("backup", str(place))
    assert second["objects"] > first[0]["objects"]
    assert big < second["new_bytes"] < first[0]["new_bytes"] / 2 + big
    listed = written.lakelet_json("backups", str(place), "--check")
    assert [row["id"] for row in listed] == [first[0]["id"], second["id"]]
    assert [row["damaged"] for row in listed] == [[], []]


def test_a_backup_is_its_owners_alone(place: Path, first: tuple[dict[str, Any], State]) -> None:
    assert first[0]["bytes"] > 0
    for path in [place, *place.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_data_is_never_overwritten_unasked(
    written: Home, place: Path, first: tuple[dict[str, Any], State]
) -> None:
    result = written.lakelet("restore", str(place))
    assert result.returncode == 77
    assert "--replace" in result.stderr
    assert state_of(written)[1] == first[1][1]


@pytest.fixture(scope="module")
def restored(written: Home, place: Path, first: tuple[dict[str, Any], State]) -> tuple[Home, State]:
    """The platform after everything of it was destroyed, secrets too, and brought back."""
    assert written.lakelet("destroy", "--yes").returncode == 0
    assert not written.settings.env_file.exists()
    assert not written.settings.data_dir.exists()
    result = written.lakelet("restore", str(place), "--backup", first[0]["id"], "--no-start")
    assert result.returncode == 0, result.stderr
    assert "nothing differs" in result.stdout
    start(written)
    return written, first[1]


def test_every_row_object_and_file_comes_back(restored: tuple[Home, State]) -> None:
    home, before = restored
    assert state_of(home) == before


def test_secrets_come_back(restored: tuple[Home, State]) -> None:
    home, _ = restored
    assert "MY_SOURCE_PASSWORD=p w#d" in home.settings.env_file.read_text()
    assert stat.S_IMODE(home.settings.env_file.stat().st_mode) == 0o600
    with psycopg.connect(home.settings.postgres_dsn("superset")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("superset",)


def test_what_came_back_can_be_written(restored: tuple[Home, State]) -> None:
    home, _ = restored
    dremio = dremio_of(home)
    dremio.sql("INSERT INTO gold.changed VALUES (7, 'seven')")
    dremio.sql("UPDATE gold.changed SET name = 'drei' WHERE id = 3")
    dremio.sql("INSERT INTO gold.never_written VALUES (1, 'now')")
    dremio.sql("DROP TABLE silver.nested.deep")
    dremio.sql("CREATE TABLE silver.nested.deep AS SELECT 43 AS again")
    rows = dremio.sql("SELECT id, name FROM gold.changed ORDER BY id")
    assert [(r["id"], r["name"]) for r in rows] == [(2, "zwei"), (3, "drei"), (7, "seven")]
    assert dremio.sql("SELECT * FROM silver.nested.deep") == [{"again": 43}]


def test_an_upgrade_that_fails_is_undone(restored: tuple[Home, State], tmp_path: Path) -> None:
    home, _ = restored
    before = state_of(home)
    versions: list[str] = []

    class Broken:
        """A version that starts, migrates, loses data and then fails its healthcheck."""

        def check(self) -> None:
            versions.append("checked")

        def change(self) -> None:
            versions.append("new")

        def change_back(self) -> None:
            versions.append("old")

    def begin() -> None:
        start(home)
        if versions[-1] == "new":
            dremio_of(home).sql("DROP TABLE gold.facts")
            with psycopg.connect(home.settings.postgres_dsn("shop")) as connection:
                connection.execute("ALTER TABLE sold RENAME COLUMN price TO cost")
            raise TransientError("dremio was not healthy")

    store = FolderStore(tmp_path / "place")
    with pytest.raises(PermanentError, match=r"undone.*dremio was not healthy"):
        upgrade(home.settings, store, Broken(), Progress(), begin)
    assert versions == ["checked", "new", "old"]
    assert state_of(home) == before


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Home]:
    """Another home, with ports and secrets of its own."""
    home = Home(tmp_path / "other")
    yield home
    end_processes(home.settings)


def test_a_damaged_backup_changes_nothing(
    other: Home, place: Path, first: tuple[dict[str, Any], State]
) -> None:
    document = json.loads((place / "backups" / f"{first[0]['id']}.json").read_text())
    digest = document["databases"][0]["dump"]["sha256"]
    blob = place / "objects" / digest[:2] / digest
    whole = blob.read_bytes()
    before = other.settings.env_file.read_text()
    try:
        blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        result = other.lakelet("restore", str(place), "--backup", first[0]["id"])
        assert result.returncode == 70
        assert f"{digest} is damaged" in result.stderr
        assert other.lakelet("backups", str(place), "--check").returncode == 1
        blob.unlink()
        result = other.lakelet("restore", str(place), "--backup", first[0]["id"])
        assert "nothing was changed" in result.stderr
    finally:
        blob.write_bytes(whole)
    assert other.settings.env_file.read_text() == before
    assert not other.settings.data_dir.exists()


def test_an_interrupted_restore_is_begun_anew_elsewhere(
    restored: tuple[Home, State], other: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From S3 into another home on other ports, after a first try that ended half-way."""
    home, _ = restored
    before = every_row(home), shop_rows(home)
    made = home.lakelet_json("backup", "s3://backups/one/two")
    secret = home.settings.backup_s3_secret_key.get_secret_value()
    for name, value in {
        "BACKUP_ENDPOINT": f"http://{home.settings.s3_endpoint}",
        "BACKUP_ACCESS_KEY": "backup",
        "BACKUP_SECRET_KEY": secret,
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    listed = other.lakelet_json("backups", "s3://backups/one/two", "--check")
    assert [(row["id"], row["damaged"]) for row in listed] == [(made["id"], [])]

    other.settings.data_dir.mkdir()
    (other.settings.data_dir / "restoring").write_text("x\n")
    (other.settings.data_dir / "postgres").mkdir()
    refused = other.lakelet("up")
    assert refused.returncode == 77
    assert "lakelet restore" in refused.stderr
    result = other.lakelet("restore", "s3://backups/one/two", "--no-start")
    assert result.returncode == 0, result.stderr
    mine, other.settings = other.settings, read_settings(other.folder)
    assert other.settings.s3_port == mine.s3_port  # this machine's
    assert other.settings.admin_password != mine.admin_password  # the backup's
    start(other)
    assert (every_row(other), shop_rows(other)) == before
