"""Old backups go with what nobody else holds, and nothing goes when that is not known."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bootstrap.backup.blobs import Blobs, name_of
from bootstrap.backup.manifest import FOLDER, Blob, Manifest, identifiers
from bootstrap.backup.prune import prune
from bootstrap.backup.store import FolderStore
from services.common.errors import PermanentError


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "place")


def made(store: FolderStore, folder: Path, identifier: str, *contents: bytes) -> list[Blob]:
    """Store a backup of some volumes; return what it holds."""
    blobs = [Blobs(store, folder).add(io.BytesIO(content)) for content in contents]
    manifest = Manifest(
        **{"id": identifier, "created": "", "version": "", "runtime": "", "engines": ""},
        **{"databases": [], "objects": [], "namespaces": [], "tables": [], "files": []},
        roles=blobs[0],
        volumes={str(n): blob for n, blob in enumerate(blobs)},
    )
    document = folder / "document"
    document.write_text(manifest.model_dump_json())
    store.put(f"{FOLDER}/{identifier}.json", document)
    return blobs


def test_what_the_kept_ones_hold_stays(store: FolderStore, tmp_path: Path) -> None:
    (old, shared) = made(store, tmp_path, "1", b"old", b"shared")
    (also, _) = made(store, tmp_path, "2", b"also old", b"shared")
    (new, _) = made(store, tmp_path, "3", b"new", b"shared")
    assert prune(store, 3) == []
    assert prune(store, 1) == ["1", "2"]
    assert identifiers(store) == ["3"]
    there = [store.has(name_of(blob)) for blob in (old, also, shared, new)]
    assert there == [False, False, True, True]
    assert prune(store, 1) == []


def test_nothing_goes_while_a_document_that_stays_is_damaged(
    store: FolderStore, tmp_path: Path
) -> None:
    (old,) = made(store, tmp_path, "1", b"old")
    made(store, tmp_path, "2", b"new")
    damaged = tmp_path / "damaged"
    damaged.write_text("{")
    store.put(f"{FOLDER}/2.json", damaged)
    with pytest.raises(PermanentError, match="damaged"):
        prune(store, 1)
    assert identifiers(store) == ["1", "2"]
    assert store.has(name_of(old))
