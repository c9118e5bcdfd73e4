"""The lake: the buckets' objects and the tables that the Iceberg catalog has of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from minio import Minio
from minio.error import S3Error

from bootstrap.backup.blobs import Blobs
from bootstrap.backup.manifest import Blob, LakeNamespace, LakeTable, StoredObject
from bootstrap.backup.store import s3_client
from bootstrap.clients.iceberg import Catalog, Table
from services.common.errors import PermanentError
from services.common.settings import Settings

TABLE_BUCKETS = ("bronze", "silver", "gold")
# Where backups may lie themselves.
LEFT_OUT = {"backups"}
_AT_ONCE = 8

# What is known of an object without reading it → its content.
Known = dict[tuple[str, str, str, str, int], Blob]


def storage_client(settings: Settings) -> Minio:
    """Return the storage as its root user sees it: every bucket."""
    secret = settings.minio_root_password.get_secret_value()
    return s3_client(f"http://{settings.s3_endpoint}", settings.minio_root_user, secret)


def catalog(settings: Settings, warehouse: str) -> Catalog:
    """Return one warehouse of the platform's own catalog."""
    return Catalog(
        settings.iceberg_uri,
        warehouse,
        settings.minio_root_user,
        settings.minio_root_password.get_secret_value(),
        s3=f"http://{settings.s3_endpoint}",
    )


def known(objects: Iterable[StoredObject]) -> Known:
    """Return what an earlier backup knows, so that unchanged objects are not read again."""
    # The catalog writes documents without an etag: those are small, and read each time.
    return {(o.bucket, o.key, o.etag, o.modified, o.blob.size): o.blob for o in objects if o.etag}


def copy_objects(
    settings: Settings, blobs: Blobs, seen: Known, *, moving: bool = False
) -> list[StoredObject]:
    """Store every object of every bucket; those in `seen` are there and are not read.

    `moving`: the platform is at work, what vanishes meanwhile is left out.
    """
    client = storage_client(settings)
    listed = [
        (bucket.name, item)
        for bucket in client.list_buckets()
        if bucket.name not in LEFT_OUT
        for item in client.list_objects(bucket.name, recursive=True)
        if not item.is_dir
    ]

    def copy(bucket: str, item: Any) -> StoredObject | None:
        etag, modified = (item.etag or "").strip('"'), item.last_modified.isoformat()
        blob = seen.get((bucket, item.object_name, etag, modified, item.size))
        if blob is None:
            try:
                with client.get_object(bucket, item.object_name) as content:
                    blob = blobs.add(content)
            except S3Error:
                if moving:
                    return None
                raise
        return StoredObject(
            bucket=bucket, key=item.object_name, etag=etag, modified=modified, blob=blob
        )

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        copied = pool.map(lambda pair: copy(*pair), listed)
        return [each for each in copied if each is not None]


def list_tables(settings: Settings) -> list[LakeTable]:
    """Return every table of the catalog."""
    return [
        described(bucket, table)
        for bucket in TABLE_BUCKETS
        for table in catalog(settings, bucket).tables()
    ]


def list_namespaces(settings: Settings) -> list[LakeNamespace]:
    """Return every namespace of the catalog, parents before children."""
    return [
        LakeNamespace(bucket=bucket, name=name)
        for bucket in TABLE_BUCKETS
        for name in catalog(settings, bucket).namespaces()
    ]


def described(bucket: str, table: Table) -> LakeTable:
    """Return what a backup says of a table."""
    return LakeTable(
        bucket=bucket,
        namespace=table.namespace,
        name=table.name,
        metadata_location=table.metadata_location,
        uuid=table.uuid,
        snapshot=table.snapshot,
        rows=table.rows,
    )


def restore_objects(client: Minio, objects: list[StoredObject], blobs: Blobs) -> None:
    """Put every object back at its place; buckets that are missing are made."""
    there = {bucket.name for bucket in client.list_buckets()}
    for bucket in sorted({o.bucket for o in objects} - there):
        client.make_bucket(bucket)

    def put(item: StoredObject) -> None:
        with blobs.fetched(item.blob) as path:
            client.fput_object(item.bucket, item.key, str(path))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(put, objects))


class Warehouses:
    """The warehouses of one catalog, each logged in to once."""

    def __init__(self, open_one: Callable[[str], Catalog]) -> None:
        self._open, self._opened = open_one, dict[str, Catalog]()

    def __getitem__(self, bucket: str) -> Catalog:
        """Return the warehouse of a bucket."""
        if bucket not in self._opened:
            self._opened[bucket] = self._open(bucket)
        return self._opened[bucket]


def restore_namespaces(namespaces: list[LakeNamespace], warehouses: Warehouses) -> None:
    """Make the namespaces; before the objects, see `Catalog.ensure_namespace`."""
    for namespace in namespaces:
        warehouses[namespace.bucket].ensure_namespace(namespace.name)


def restore_tables(tables: list[LakeTable], client: Minio, warehouses: Warehouses) -> None:
    """Register the tables, whose files lie in their buckets, in a catalog."""
    for table in tables:
        location = table.metadata_location
        document = _document(client, location)
        warehouses[table.bucket].adopt(table.namespace, table.name, location, document)


def compare_lake(
    settings: Settings,
    objects: list[StoredObject],
    tables: list[LakeTable],
    *,
    catalogued: bool = True,
) -> list[str]:
    """Return what differs from the backup, one line each; nothing when all is the same."""
    client = storage_client(settings)
    wanted = {(o.bucket, o.key): o.blob.size for o in objects}
    found = {
        (bucket.name, item.object_name): item.size
        for bucket in client.list_buckets()
        if bucket.name not in LEFT_OUT
        for item in client.list_objects(bucket.name, recursive=True)
        if not item.is_dir
    }
    differing = [
        f"object s3://{bucket}/{key}: {found.get((bucket, key))} instead of {size} bytes"
        for (bucket, key), size in wanted.items()
        if found.get((bucket, key)) != size
    ]
    differing += [f"object s3://{b}/{k} is not in the backup" for b, k in found.keys() - wanted]
    listed = list_tables(settings) if catalogued else []
    there = {(t.bucket, t.namespace, t.name): t for t in listed}
    ours = {(t.bucket, t.namespace, t.name): t for t in tables}
    differing += [
        f"table {'.'.join((bucket, *namespace, name))}: {there.get(key)} instead of {ours.get(key)}"
        for key in sorted({*there, *ours})
        for bucket, namespace, name in [key]
        if there.get(key) != ours.get(key)
    ]
    return differing


def _document(client: Minio, location: str) -> dict[str, Any]:
    bucket, _, key = location.partition("://")[2].partition("/")
    try:
        with client.get_object(bucket, key) as content:
            document: dict[str, Any] = json.loads(content.read())
    except S3Error as error:
        raise PermanentError(f"{location}: {error.code}: {error.message}") from error
    return document
