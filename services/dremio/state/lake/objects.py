"""An S3 server's objects: listed, read, and written only where nothing is yet."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import httpx
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from services.dremio.state.errors import DremioError, ErrorKind

_ABSENT = ("NoSuchKey", "NoSuchBucket", "NoSuchObject", "ResourceNotFound", "NotFound")
_SIGNED = datetime.timedelta(minutes=10)


@dataclass(frozen=True)
class Object:
    """An object: its key, and what changes when its content does."""

    key: str
    stamp: str
    changed: datetime.datetime | None = None
    size: int = 0


class Objects:
    """One server with one pair of keys ('' for none). Safe to use from many threads."""

    def __init__(
        self, endpoint: str, access_key: str, secret_key: str, *, secure: bool, region: str
    ) -> None:
        self._endpoint = endpoint
        self._s3 = Minio(
            endpoint,
            access_key or None,
            secret_key or None,
            secure=secure,
            region=region,
        )
        self._http = httpx.Client(timeout=60, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def buckets(self) -> list[str]:
        """Return the names of the buckets."""
        try:
            return [bucket.name for bucket in self._s3.list_buckets()]
        except (MinioException, HTTPError) as error:
            raise self._failed("its buckets cannot be listed", error) from error

    def below(self, bucket: str, prefix: str, *, deep: bool, most: int = 0) -> list[Object]:
        """Return the objects below a prefix; without `deep`, folders as keys that end in `/`."""
        found = []
        try:
            for each in self._s3.list_objects(bucket, prefix=prefix or None, recursive=deep):
                name = str(each.object_name)
                if deep and name.endswith("/"):
                    continue  # a folder's own marker
                stamp = f"{each.size}/{each.etag}/{each.last_modified}"
                found.append(Object(name, stamp, each.last_modified, each.size or 0))
                if most and len(found) > most:
                    raise DremioError(
                        ErrorKind.RESOURCE, f"More than {most} objects below {bucket}/{prefix}"
                    )
        except S3Error as error:
            if error.code in _ABSENT:
                return []
            raise self._failed(f"{bucket}/{prefix} cannot be listed", error) from error
        except (MinioException, HTTPError) as error:
            raise self._failed(f"{bucket}/{prefix} cannot be listed", error) from error
        return found

    def stat(self, bucket: str, key: str) -> Object | None:
        """Return an object, None when it is not there."""
        try:
            found = self._s3.stat_object(bucket, key)
        except (MinioException, HTTPError) as error:
            if isinstance(error, S3Error) and error.code in _ABSENT:
                return None
            raise self._failed(f"{bucket}/{key} cannot be read", error) from error
        return Object(key, f"{found.size}/{found.etag}/{found.last_modified}")

    def get(self, bucket: str, key: str) -> bytes | None:
        """Return an object's content, None when it is not there."""
        response = None
        try:
            response = self._s3.get_object(bucket, key)
            return bytes(response.read())
        except (MinioException, HTTPError) as error:
            if isinstance(error, S3Error) and error.code in _ABSENT:
                return None
            raise self._failed(f"{bucket}/{key} cannot be read", error) from error
        finally:
            if response is not None:
                response.close()
                response.release_conn()

    def put(self, bucket: str, key: str, content: bytes, *, new: bool = False) -> bool:
        """Write an object; with `new` only where none is. Returns False when one was there.

        The condition is S3's `If-None-Match: *`: of two writers one succeeds.
        """
        headers = {"If-None-Match": "*"} if new else {}
        try:
            url = self._s3.get_presigned_url("PUT", bucket, key, expires=_SIGNED)
            answer = self._http.put(url, content=content, headers=headers)
        except (MinioException, HTTPError, httpx.HTTPError) as error:
            raise self._failed(f"{bucket}/{key} cannot be written", error) from error
        if new and answer.status_code in (409, 412):
            return False
        if answer.status_code == 403:
            raise DremioError(
                ErrorKind.PERMISSION, f"The storage refuses to write {bucket}/{key}: access denied"
            )
        if not answer.is_success:
            raise self._failed(f"{bucket}/{key} cannot be written", answer.text[:200])
        return True

    def delete(self, bucket: str, keys: list[str]) -> None:
        """Delete objects, in order of the keys given as far as the server keeps it."""
        if not keys:
            return
        try:
            for error in self._s3.remove_objects(bucket, [DeleteObject(key) for key in keys]):
                raise self._failed(f"{bucket}/{error.name} cannot be deleted", error.message)
        except (MinioException, HTTPError) as error:
            raise self._failed(f"objects of {bucket} cannot be deleted", error) from error

    def _failed(self, what: str, why: object) -> DremioError:
        denied = isinstance(why, S3Error) and why.code == "AccessDenied"
        kind = ErrorKind.PERMISSION if denied else ErrorKind.CONNECTION
        return DremioError(kind, f"S3 at {self._endpoint}: {what}: {why}")
