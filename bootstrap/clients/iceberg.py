"""An Iceberg REST catalog: what tables there are, and taking in tables whose files are there.

Facts: Iceberg's REST catalog document (`/v1/{prefix}/namespaces/{namespace}/register`; parts of
a namespace are joined by %1F). SeaweedFS 4.48 registers a table without reading its document and
then shows an empty one; its S3 Tables API (`S3Tables.UpdateTable`, signed as AWS service
`s3tables`) takes the document itself. Nessie registers as the specification says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from minio import signer
from minio.credentials.credentials import Credentials
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from bootstrap.clients.http import ApiClient
from services.common.errors import NotFoundError, PermanentError, TransientError

_SEPARATOR = "%1F"


@dataclass(frozen=True)
class Table:
    """A table as the catalog shows it; `metadata` is Iceberg's document."""

    namespace: tuple[str, ...]
    name: str
    metadata_location: str
    metadata: dict[str, Any]

    @property
    def uuid(self) -> str:
        """The table's identity, which stays through all its changes."""
        return str(self.metadata["table-uuid"])

    @property
    def snapshot(self) -> int | None:
        """The current snapshot's id, None for a table that nothing was ever written to."""
        found = self.metadata.get("current-snapshot-id")
        return None if found is None or found == -1 else int(found)

    @property
    def rows(self) -> int | None:
        """The rows that the current snapshot's summary tells of."""
        for snapshot in self.metadata.get("snapshots", []):
            if snapshot["snapshot-id"] == self.snapshot:
                total = snapshot.get("summary", {}).get("total-records")
                return None if total is None else int(total)
        return None


class Catalog(ApiClient):
    """One warehouse of an Iceberg REST catalog."""

    def __init__(
        self, uri: str, warehouse: str, key: str = "", secret: str = "", *, s3: str = ""
    ) -> None:
        """`key`, `secret`: OAuth2 client credentials, if it asks for any; `s3`: address of the
        storage that also answers S3 Tables, for SeaweedFS.
        """
        super().__init__("the Iceberg catalog", uri)
        self.warehouse, self._s3, self._credentials = warehouse, s3, Credentials(key, secret)
        if key:
            form = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
            try:
                answer = self.http.post("/v1/oauth/tokens", data={**form, "scope": "catalog"})
            except httpx.HTTPError as error:
                raise TransientError(f"the Iceberg catalog does not answer: {error!r}") from error
            if not answer.is_success:
                raise PermanentError(f"the Iceberg catalog refused {key}: {answer.text[:500]}")
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        config = self.call("GET", f"/v1/config?warehouse={quote(warehouse, safe='')}")
        prefix = {**config.get("defaults", {}), **config.get("overrides", {})}.get("prefix")
        self._base = f"/v1/{quote(prefix or warehouse, safe='')}"

    def namespaces(self) -> list[tuple[str, ...]]:
        """Return every namespace, parents before children."""
        found: set[tuple[str, ...]] = set()
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            parent = waiting.pop()
            query = f"?parent={_path(parent)}" if parent else ""
            for page in self._pages(f"{self._base}/namespaces{query}"):
                new = {tuple(parts) for parts in page["namespaces"]} - found
                waiting += new
                found |= new
        return sorted(found)

    def tables(self) -> list[Table]:
        """Return every table of the warehouse, sorted."""
        names: set[tuple[tuple[str, ...], str]] = set()
        for namespace in self.namespaces():
            for page in self._pages(f"{self._base}/namespaces/{_path(namespace)}/tables"):
                names |= {(tuple(t["namespace"]), t["name"]) for t in page["identifiers"]}
        return [self.load(namespace, name) for namespace, name in sorted(names)]

    def load(self, namespace: tuple[str, ...], name: str) -> Table:
        """Return one table. Raises NotFoundError."""
        found = self.call("GET", self._table(namespace, name))
        return Table(namespace, name, found["metadata-location"], found["metadata"])

    def ensure_namespace(self, namespace: tuple[str, ...]) -> None:
        """Make a namespace and those above it, where they are missing.

        SeaweedFS refuses one whose folder is there already: before any object is.
        """
        for depth in range(1, len(namespace) + 1):
            path = _path(namespace[:depth])
            try:
                self.call("GET", f"{self._base}/namespaces/{path}")
            except NotFoundError:
                body = {"namespace": list(namespace[:depth]), "properties": {}}
                self._make_namespace(body)

    @retry(
        retry=retry_if_exception_type(NotFoundError),
        stop=stop_after_delay(30),
        wait=wait_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _make_namespace(self, body: dict[str, Any]) -> None:
        # SeaweedFS finds a table bucket made a moment ago only a little later.
        self.call("POST", f"{self._base}/namespaces", body)

    def adopt(
        self, namespace: tuple[str, ...], name: str, location: str, document: dict[str, Any]
    ) -> Table:
        """Take in a table whose files lie where they belong; its `document` is at `location`.

        A table of that name that is there already is left when it is the very same. Raises
        PermanentError when another one is in its place or the catalog does not take it.
        """
        present = self._present(namespace, name)
        if present is None:
            self.ensure_namespace(namespace)
            body = {"name": name, "metadata-location": location}
            self.call("POST", f"{self._base}/namespaces/{_path(namespace)}/register", body)
            present = self.load(namespace, name)
        if present.metadata_location == location and present.uuid != document["table-uuid"]:
            self._hand_over(namespace, name, location, document)
            present = self.load(namespace, name)
        if (present.metadata_location, present.uuid) != (location, document["table-uuid"]):
            raise PermanentError(
                f"{'.'.join((self.warehouse, *namespace, name))} is in the way: the catalog has it "
                f"at {present.metadata_location}, not at {location}; drop it first"
            )
        return present

    def _present(self, namespace: tuple[str, ...], name: str) -> Table | None:
        try:
            return self.load(namespace, name)
        except NotFoundError:
            return None

    def _hand_over(
        self, namespace: tuple[str, ...], name: str, location: str, document: dict[str, Any]
    ) -> None:
        """Give SeaweedFS the document of a table that it registered without reading it."""
        if not self._s3:
            raise PermanentError(
                f"the Iceberg catalog registered {'.'.join((*namespace, name))} as another table"
            )
        buckets = self._s3_tables("ListTableBuckets", {})["tableBuckets"]
        arn = next(b["arn"] for b in buckets if b["name"] == self.warehouse)
        which = {"tableBucketARN": arn, "namespace": list(namespace), "name": name}
        token = self._s3_tables("GetTable", which)["versionToken"]
        iceberg = {"schema": {"fields": []}, "tableUuid": document["table-uuid"]}
        version = location.rsplit("/v", 1)[-1].partition(".")[0]
        change = {
            "versionToken": token,
            "metadataVersion": int(version) if version.isdigit() else 1,
            "metadataLocation": location,
            "metadata": {"iceberg": iceberg, "fullMetadata": document},
        }
        self._s3_tables("UpdateTable", {**which, **change})

    def _s3_tables(self, operation: str, body: dict[str, Any]) -> Any:
        content = json.dumps(body).encode()
        digest, now = hashlib.sha256(content).hexdigest(), datetime.now(UTC)
        url = urlsplit(f"{self._s3}/")
        headers = signer._sign_v4(  # its public functions sign for `s3` alone
            service_name="s3tables",
            method="POST",
            url=url,
            region="us-east-1",
            headers={
                "Host": url.netloc,
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"S3Tables.{operation}",
                "x-amz-content-sha256": digest,
                "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
            },
            credentials=self._credentials,
            content_sha256=digest,
            date=now,
        )
        answer = httpx.post(
            url.geturl(),
            content=content,
            headers={name: str(value) for name, value in headers.items()},
            trust_env=False,
        )
        if not answer.is_success:
            raise PermanentError(
                f"the storage: S3Tables.{operation} answered {answer.status_code}: "
                f"{answer.text[:500]}"
            )
        return answer.json()

    def _table(self, namespace: tuple[str, ...], name: str) -> str:
        return f"{self._base}/namespaces/{_path(namespace)}/tables/{quote(name, safe='')}"

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            sign = "&" if "?" in path else "?"
            extra = f"{sign}pageToken={quote(token, safe='')}" if token else ""
            page = self.call("GET", path + extra)
            yield page
            token = page.get("next-page-token") or ""
            if not token:
                return


def _path(namespace: tuple[str, ...]) -> str:
    return _SEPARATOR.join(quote(part, safe="") for part in namespace)
