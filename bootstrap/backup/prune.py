"""Removing old backups, and content that no other backup holds."""

from __future__ import annotations

from bootstrap.backup.blobs import name_of
from bootstrap.backup.manifest import FOLDER, Blob, identifiers, read_manifest
from bootstrap.backup.store import Store

# Content lies in folders by the first byte of its digest.
_FOLDERS = tuple(f"{byte:02x}" for byte in range(256))


def prune(store: Store, keep: int) -> list[str]:
    """Remove all but the newest `keep` backups of a place; return those removed.

    The documents go first: what is interrupted leaves content that nobody needs, and the next time
    removes it. Raises PermanentError, before anything is removed, when a document that stays is
    damaged: what it needs is then not known.
    """
    known = identifiers(store)
    old, kept = known[:-keep], known[-keep:]
    if not old:
        return []
    needed = {
        name_of(Blob(sha256=digest, size=size))
        for identifier in kept
        for digest, size in read_manifest(store, identifier).blobs().items()
    }
    for identifier in old:
        store.delete(f"{FOLDER}/{identifier}.json")
    for folder in _FOLDERS:
        for name in store.names(f"objects/{folder}"):
            if name not in needed:
                store.delete(name)
    return old
