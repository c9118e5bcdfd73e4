"""The Iceberg tables of a source, whichever kind of bucket they lie in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.hadoop import HadoopCatalog
from services.dremio.state.lake.metadata import Address
from services.dremio.state.lake.rest import IcebergRest, Namespace

# Which buckets are table buckets changes when one is made anew under the same name.
_KIND_SECONDS = 60.0
# What a table bucket may be called (S3 Tables; a plain bucket's name may hold dots as well).
_TABLE_BUCKET = re.compile(r"[0-9a-z][0-9a-z-]{1,61}[0-9a-z]")


class Tables:
    """Table buckets through their REST catalog (`rest`, if the server has one), others as files."""

    def __init__(self, rest: IcebergRest | None, plain: HadoopCatalog) -> None:
        self._rest = rest
        self._plain = plain
        self._kinds: dict[str, tuple[float, bool]] = {}

    def is_plain(self, bucket: str) -> bool:
        """Whether a bucket is no table bucket. Raises DremioError (CONNECTION)."""
        if self._rest is None or _TABLE_BUCKET.fullmatch(bucket) is None:
            return True
        until, plain = self._kinds.get(bucket, (0.0, True))
        if until < time.monotonic():
            try:
                self._rest.namespaces(bucket)
                plain = False
            except DremioError as error:
                if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.PERMISSION):
                    raise
                plain = True
            self._kinds[bucket] = (time.monotonic() + _KIND_SECONDS, plain)
        return plain

    def namespaces(self, bucket: str) -> list[Namespace]:
        """Return every namespace of a table bucket; none of a plain one."""
        return self._of(bucket).namespaces(bucket)

    def tables(self, bucket: str, namespace: Namespace) -> list[str]:
        """Return the names of the tables right in a table bucket's namespace."""
        return self._of(bucket).tables(bucket, namespace)

    def load(self, bucket: str, namespace: Namespace, table: str) -> dict[str, Any] | None:
        """Return the table's metadata document, or None when there is no such table."""
        return self._of(bucket).load(bucket, namespace, table)

    def ask(self, addresses: Sequence[Address]) -> Callable[[], list[dict[str, Any] | None]]:
        """Ask for several tables' documents; return what waits for them. It must be called once."""
        listed = [a for a in addresses if self._rest is not None and not self.is_plain(a[0])]
        answer = self._rest.ask(listed) if self._rest is not None and listed else list

        def documents() -> list[dict[str, Any] | None]:
            found = dict(zip(listed, answer(), strict=True))
            return [found[a] if a in found else self._plain.load(*a) for a in addresses]

        return documents

    def create_namespace(self, bucket: str, namespace: Namespace) -> None:
        """Create the namespace unless it is there."""
        self._of(bucket).create_namespace(bucket, namespace)

    def replace(self, bucket: str, namespace: Namespace, fresh: str, table: str) -> None:
        """Put one table of a plain bucket in another's place (`HadoopCatalog.replace`)."""
        self._plain.replace(bucket, namespace, fresh, table)

    def close(self) -> None:
        """Close the connections."""
        if self._rest is not None:
            self._rest.close()

    def _of(self, bucket: str) -> IcebergRest | HadoopCatalog:
        return self._plain if self._rest is None or self.is_plain(bucket) else self._rest
