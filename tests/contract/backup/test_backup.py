"""Back up, change, wipe, restore: every row, object and file is as it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dotenv import dotenv_values

from bootstrap.backup.lake import storage_client
from bootstrap.backup.manifest import identifiers
from bootstrap.backup.store import FolderStore
from bootstrap.progress import Progress
from bootstrap.upgrade import upgrade
from services.common.errors import PermanentError, TransientError
from services.common.settings import read_settings
from services.common.waiting import wait_until
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from services.supervisor.programs import BASES
from tests.contract.backup.conftest import SMALL, dremio_of, every_row, shop_rows, start
from tests.support.platform import Home

State = tuple[Any, ...]
BIG = 200_000  # bytes


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


def test_backups_are_made_by_themselves_and_old_ones_go(written: Home, tmp_path: Path) -> None:
    place, env, before = tmp_path / "place", written.settings.env_file, ""
    content = b"only the first backup holds this"
    digest = hashlib.sha256(content).hexdigest()
    storage = storage_client(written.settings)
    storage.put_object("landing", "passing", io.BytesIO(content), len(content))

    def listed() -> list[str]:
        return identifiers(FolderStore(place))

    def backups_healthy() -> bool:
        (row,) = (
            r for r in Supervisor(read_settings(written.folder)).status() if r.name == "backups"
        )
        return row.healthy

    try:
        before = env.read_text()
        env.write_text(f"{before}BACKUP_EVERY='0/2 * * * * ?'\nBACKUP_TO={place}\nBACKUP_KEEP=1\n")
        Supervisor(read_settings(written.folder)).start_only((*SMALL, "backups"))
        wait_until(lambda: bool(listed()), seconds=90, what="a backup")
        (first, *_) = listed()
        held = place / "objects" / digest[:2] / digest
        assert held.read_bytes() == content
        storage.remove_object("landing", "passing")
        wait_until(lambda: first not in listed() and not held.exists(), seconds=90, what="pruning")
        # One that cannot be made is told, and the platform works on.
        place.rename(tmp_path / "moved")
        place.write_text("in the way")
        wait_until(lambda: not backups_healthy(), seconds=90, what="the failure")
        place.unlink()
        wait_until(lambda: backups_healthy() and len(listed()) == 1, seconds=90, what="another one")
    finally:
        env.write_text(before)
        Supervisor(written.settings).stop()
        start(written)
    found = written.lakelet_json("backups", str(place), "--check")
    # Stopped in the middle of the next one, it may have left a second one, whole as the first.
    assert [(made["damaged"], made["tables"]) for made in found] in ([([], 5)], [([], 5)] * 2)


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
def undone(
    written: Home, first: tuple[dict[str, Any], State], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, State]:
    """The platform after an upgrade that broke it: wiped, and brought back from its backup."""
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
        start(written)
        if versions[-1] == "new":
            dremio_of(written).sql("DROP TABLE gold.facts")
            with psycopg.connect(written.settings.postgres_dsn("shop")) as connection:
                connection.execute("ALTER TABLE sold RENAME COLUMN price TO cost")
            raise TransientError("dremio was not healthy")

    store = FolderStore(tmp_path_factory.mktemp("upgrade"))
    with pytest.raises(PermanentError, match=r"undone.*dremio was not healthy"):
        upgrade(written.settings, store, Broken(), Progress(), begin)
    assert versions == ["checked", "new", "old"]
    return written, first[1]


def test_a_failed_upgrade_is_undone_to_every_row(undone: tuple[Home, State]) -> None:
    home, before = undone
    assert state_of(home) == before


def test_what_came_back_can_be_written(undone: tuple[Home, State]) -> None:
    home, _ = undone
    dremio = dremio_of(home)
    dremio.sql("INSERT INTO gold.changed VALUES (7, 'seven')")
    dremio.sql("UPDATE gold.changed SET name = 'drei' WHERE id = 3")
    dremio.sql("INSERT INTO gold.never_written VALUES (1, 'now')")
    dremio.sql("DROP TABLE silver.nested.deep")
    dremio.sql("CREATE TABLE silver.nested.deep AS SELECT 43 AS again")
    rows = dremio.sql("SELECT id, name FROM gold.changed ORDER BY id")
    assert [(r["id"], r["name"]) for r in rows] == [(2, "zwei"), (3, "drei"), (7, "seven")]
    assert dremio.sql("SELECT * FROM silver.nested.deep") == [{"again": 43}]


@pytest.fixture(scope="module")
def changed(undone: tuple[Home, State]) -> State:
    """What the platform holds after all that; its engine stands still from here on."""
    home, _ = undone
    dremio_of(home).sql("INSERT INTO gold.facts VALUES (9, 'c', 1.00, NULL, 'new')")
    storage_client(home.settings).put_object("dlq", "late", io.BytesIO(os.urandom(BIG)), BIG)
    found = state_of(home)
    Supervisor(home.settings).start_only(BASES)
    return found


def test_a_second_backup_adds_only_what_is_new(
    undone: tuple[Home, State], changed: State, place: Path, first: tuple[dict[str, Any], State]
) -> None:
    home, _ = undone
    second = home.lakelet_json("backup", str(place))
    assert second["objects"] > first[0]["objects"]
    assert BIG < second["new_bytes"] < first[0]["new_bytes"] / 2 + BIG
    listed = home.lakelet_json("backups", str(place), "--check")
    assert [row["id"] for row in listed] == [first[0]["id"], second["id"]]
    assert [row["damaged"] for row in listed] == [[], []]


def test_destroying_leaves_no_backup_behind_in_the_home(place: Path, written: Home) -> None:
    result = written.lakelet("backup", str(written.settings.data_dir / "inside"))
    assert result.returncode == 77
    assert place.is_dir()


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
    undone: tuple[Home, State], changed: State, other: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From S3 into another home on other ports, after a first try that ended half-way."""
    home, _ = undone
    made = home.lakelet_json("backup", "s3://backups/one/two")
    secret = home.settings.backup_s3_secret_key.get_secret_value()
    for name, value in {
        "BACKUP_ENDPOINT": f"http://{home.settings.s3_endpoint}",
        "BACKUP_ACCESS_KEY": "backup",
        "BACKUP_SECRET_KEY": secret,
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    other.settings.data_dir.mkdir()
    (other.settings.data_dir / "restoring").write_text("x\n")
    (other.settings.data_dir / "postgres").mkdir()
    refused = other.lakelet("up")
    assert refused.returncode == 77
    assert "lakelet restore" in refused.stderr

    result = other.lakelet("restore", "s3://backups/one/two", "--no-start")
    assert result.returncode == 0, result.stderr
    assert f"{made['id']} is restored and compared: nothing differs" in result.stdout
    mine, other.settings = other.settings, read_settings(other.folder)
    assert other.settings.s3_port == mine.s3_port  # this machine's
    assert other.settings.admin_password == home.settings.admin_password  # the backup's
    assert dotenv_values(other.settings.env_file)["MY_SOURCE_PASSWORD"] == "p w#d"
    assert stat.S_IMODE(other.settings.env_file.stat().st_mode) == 0o600
    for folder in ("inbox", "inbox/sub"):  # containers read some of them as another user
        modes = {(h.settings.data_dir / folder).stat().st_mode for h in (home, other)}
        assert len(modes) == 1, folder
    with psycopg.connect(other.settings.postgres_dsn("superset")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("superset",)
    start(other)
    assert state_of(other) == changed
