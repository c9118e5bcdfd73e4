"""Iceberg tables on plain buckets, as file-system catalogs keep them.

Facts: the Iceberg specification, "File System Tables": a table is a folder whose current
metadata is `metadata/v<N>.metadata.json` of the highest N; `metadata/version-hint.text` names a
version to start looking from. Writing v<N+1> where nothing is yet is the commit; S3's
`If-None-Match: *` makes that atomic, so of two writers one has to try again.

PyIceberg is imported on first use, as in `iceberg`.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from services.dremio.state.errors import DremioError, ErrorKind, not_found, validation
from services.dremio.state.lake.objects import Objects
from services.dremio.state.lake.spelling import decode

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

Namespace = tuple[str, ...]
ROOT = "0x_"  # stands for "right in the bucket": DuckDB's tables need a schema
_VERSION = re.compile(r"v(\d+)\.metadata\.json$")
_BESIDE = re.compile(r"(.+)_new_([0-9a-f]{8})")
_MOST_VERSIONS = 100


class HadoopCatalog:
    """The tables of plain buckets; namespaces and tables are spelled as `spelling` does."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def namespaces(self, bucket: str) -> list[Namespace]:
        """Folders are not listed: a bucket may hold more than tables."""
        return []

    def tables(self, bucket: str, namespace: Namespace) -> list[str]:
        """Return none: tables are found by their paths."""
        return []

    def create_namespace(self, bucket: str, namespace: Namespace) -> None:
        """Folders come with what lies in them."""

    def load(self, bucket: str, namespace: Namespace, table: str) -> dict[str, Any] | None:
        """Return the current metadata document, None when there is no such table."""
        found = self.current(bucket, _folder(namespace, table))
        return found[1] if found else None

    def current(self, bucket: str, folder: str) -> tuple[int, dict[str, Any]] | None:
        """Return (version, metadata) of the table in a folder."""
        for _ in range(3):
            version = self._version(bucket, folder)
            if version == 0:
                return None
            content = self._objects.get(bucket, _metadata(folder, version))
            if content is not None:
                document: dict[str, Any] = orjson.loads(content)
                return version, document
        return None  # dropped while it was looked for

    def create(
        self, bucket: str, namespace: Namespace, request: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Create a table, or, staged, only say what it would be. Returns (address, metadata)."""
        folder = _folder(namespace, str(request["name"]))
        metadata = _new(f"s3://{bucket}/{folder}", request)
        if not request.get("stage-create"):
            if self._version(bucket, folder):
                raise DremioError(ErrorKind.CONFLICT, f"Table {folder} exists")
            return self._write(bucket, folder, 1, metadata)
        document: dict[str, Any] = orjson.loads(metadata.model_dump_json())
        return f"s3://{bucket}/{_metadata(folder, 1)}", document

    def commit(
        self, bucket: str, namespace: Namespace, table: str, body: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Apply a change's updates when its requirements hold. Returns (address, metadata).

        Raises DremioError: CONCURRENT_MODIFICATION when another writer was first.
        """
        from pydantic import ValidationError as InvalidRequest
        from pyiceberg.exceptions import CommitFailedException
        from pyiceberg.exceptions import ValidationError as Refused
        from pyiceberg.table import CommitTableRequest
        from pyiceberg.table.metadata import TableMetadataUtil
        from pyiceberg.table.update import update_table_metadata

        folder = _folder(namespace, table)
        found = self.current(bucket, folder)
        identifier = {"namespace": list(namespace), "name": table}
        try:
            request = CommitTableRequest.model_validate({**body, "identifier": identifier})
            base = TableMetadataUtil.parse_obj(found[1]) if found else None
            for requirement in request.requirements:
                requirement.validate(base)
            start = base or _empty(f"s3://{bucket}/{folder}")
            changed = update_table_metadata(start, request.updates, enforce_validation=base is None)
        except CommitFailedException as error:
            raise _lost(folder, str(error)) from error
        except (Refused, InvalidRequest, ValueError) as error:
            raise validation(f"Table {folder}: {error}") from error
        version = found[0] if found else 0
        if base is not None:
            changed = _logged(changed, f"s3://{bucket}/{_metadata(folder, version)}", base)
        return self._write(bucket, folder, version + 1, changed)

    def replace(self, bucket: str, namespace: Namespace, fresh: str, table: str) -> None:
        """Make the table `fresh`, written beside `table` in its folder, the table's next version.

        One write, so readers see the one or the other. Raises DremioError
        (CONCURRENT_MODIFICATION) when another writer was first.
        """
        from pyiceberg.table.metadata import TableMetadataUtil

        folder, beside = _folder(namespace, table), _folder(namespace, fresh)
        found, new = self.current(bucket, folder), self.current(bucket, beside)
        if found is None or new is None:
            raise not_found(f"Table {folder} was dropped meanwhile")
        document = {**new[1], "location": f"s3://{bucket}/{folder}", "metadata-log": []}
        metadata = TableMetadataUtil.parse_obj(document)
        self._write(bucket, folder, found[0] + 1, metadata)
        # Data and manifests stay where they are, in the table's folder.
        self._forget(bucket, beside)

    def drop(self, bucket: str, namespace: Namespace, table: str) -> bool:
        """Delete a table and its files. Returns False when there was none.

        The metadata goes first, oldest version first: cut short, the table is there or not.
        """
        folder = _folder(namespace, table)
        if not self._version(bucket, folder):
            return False
        self._forget(bucket, folder)
        if not _BESIDE.fullmatch(decode(table)):
            below = self._objects.below(bucket, f"{folder}/", deep=True)
            self._objects.delete(bucket, [each.key for each in below])
        return True

    def _forget(self, bucket: str, folder: str) -> None:
        keys = self._objects.below(bucket, f"{folder}/metadata/", deep=False)
        versions = sorted((int(m[1]), o.key) for o in keys if (m := _VERSION.search(o.key)))
        for _, key in versions:
            self._objects.delete(bucket, [key])
        self._objects.delete(bucket, [_hint(folder)])

    def _version(self, bucket: str, folder: str) -> int:
        """Return the newest version of a table, 0 when there is none."""
        hint = self._objects.get(bucket, _hint(folder))
        version = int(hint) if hint and hint.strip().isdigit() else 0
        if version and self._objects.stat(bucket, _metadata(folder, version)) is None:
            version = 0
        if not version:
            keys = self._objects.below(bucket, f"{folder}/metadata/", deep=False)
            found = [int(m[1]) for each in keys if (m := _VERSION.search(each.key))]
            return max(found, default=0)
        while self._objects.stat(bucket, _metadata(folder, version + 1)) is not None:
            version += 1
        return version

    def _write(
        self, bucket: str, folder: str, version: int, metadata: TableMetadata
    ) -> tuple[str, dict[str, Any]]:
        key = _metadata(folder, version)
        content = metadata.model_dump_json().encode()
        if not self._objects.put(bucket, key, content, new=True):
            raise _lost(folder, f"version {version} was written by another")
        self._objects.put(bucket, _hint(folder), str(version).encode())
        document: dict[str, Any] = orjson.loads(content)
        return f"s3://{bucket}/{key}", document


def _folder(namespace: Namespace, table: str) -> str:
    """Return a table's folder; one written beside another lies in the other's."""
    parts = [decode(part) for part in namespace if part != ROOT]
    name = decode(table)
    beside = _BESIDE.fullmatch(name)
    return "/".join([*parts, *((beside[1], f"_new_{beside[2]}") if beside else (name,))])


def _metadata(folder: str, version: int) -> str:
    return f"{folder}/metadata/v{version}.metadata.json"


def _hint(folder: str) -> str:
    return f"{folder}/metadata/version-hint.text"


def _lost(folder: str, why: str) -> DremioError:
    return DremioError(
        ErrorKind.CONCURRENT_MODIFICATION, f"CommitFailed: table {folder} has changed: {why}"
    )


def _new(location: str, request: dict[str, Any]) -> TableMetadata:
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import new_table_metadata
    from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

    spec, order = request.get("partition-spec"), request.get("write-order")
    return new_table_metadata(
        location=location,
        schema=Schema.model_validate(request["schema"]),
        partition_spec=PartitionSpec.model_validate(spec) if spec else UNPARTITIONED_PARTITION_SPEC,
        sort_order=SortOrder.model_validate(order) if order else UNSORTED_SORT_ORDER,
        properties=dict(request.get("properties") or {}),
    )


def _empty(location: str) -> TableMetadata:
    """Return what a staged table's first commit starts from."""
    from pyiceberg.table.metadata import TableMetadataV2

    return TableMetadataV2.model_construct(
        location=location,
        table_uuid=uuid.uuid4(),
        last_updated_ms=int(time.time() * 1000),
        last_column_id=-1,
        schemas=[],
        current_schema_id=-1,
        partition_specs=[],
        default_spec_id=-1,
        last_partition_id=999,
        properties={},
        current_snapshot_id=None,
        snapshots=[],
        snapshot_log=[],
        metadata_log=[],
        sort_orders=[],
        default_sort_order_id=-1,
        refs={},
        statistics=[],
        partition_statistics=[],
        format_version=2,
        last_sequence_number=0,
    )


def _logged(changed: TableMetadata, address: str, base: TableMetadata) -> TableMetadata:
    """Add the version before to the log of versions."""
    from pyiceberg.table.metadata import TableMetadataUtil

    document = orjson.loads(changed.model_dump_json())
    entry = {"metadata-file": address, "timestamp-ms": base.last_updated_ms}
    document["metadata-log"] = [*(document.get("metadata-log") or []), entry][-_MOST_VERSIONS:]
    document["last-updated-ms"] = int(time.time() * 1000)
    return TableMetadataUtil.parse_obj(document)
