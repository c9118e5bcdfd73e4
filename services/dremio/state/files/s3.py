"""The plain buckets of an S3 source as folders of files."""

from __future__ import annotations

from services.dremio.state.files.tree import MOST_FILES, File, Listing, Path, hidden
from services.dremio.state.lake.objects import Objects


class S3Tree:
    """Objects by their paths below a source, whose root may be a bucket or a folder of one."""

    def __init__(self, objects: Objects, root: Path) -> None:
        self._objects = objects
        self._root = root

    def file(self, path: Path) -> File | None:
        """Return the object at a path."""
        bucket, key = self._address(path)
        found = self._objects.stat(bucket, key) if key else None
        return File(path, f"s3://{bucket}/{key}", found.stamp) if found else None

    def listing(self, path: Path) -> Listing | None:
        """Return what lies right in a folder."""
        bucket, key = self._address(path)
        prefix = f"{key}/" if key else ""
        found = Listing()
        for each in self._objects.below(bucket, prefix, deep=False) if bucket else []:
            name = each.key[len(prefix) :]
            if name.endswith("/"):
                found.folders.append(name[:-1])
            elif name:
                found.files.append(name)
        return found if found.folders or found.files or not key else None

    def walk(self, path: Path) -> list[File]:
        """Return every object below a folder."""
        bucket, key = self._address(path)
        prefix = f"{key}/" if key else ""
        objects = self._objects.below(bucket, prefix, deep=True, most=MOST_FILES) if bucket else []
        files = [
            File(tuple(o.key[len(prefix) :].split("/")), f"s3://{bucket}/{o.key}", o.stamp)
            for o in objects
        ]
        return sorted((f for f in files if not hidden(f.path)), key=lambda f: f.path)

    def base(self, path: Path) -> str:
        """Return the folder's address."""
        bucket, key = self._address(path)
        return f"s3://{bucket}/{key}" if key else f"s3://{bucket}"

    def _address(self, path: Path) -> tuple[str, str]:
        full = (*self._root, *path)
        return (full[0], "/".join(full[1:])) if full else ("", "")
