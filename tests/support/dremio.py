"""A small client of Dremio's REST API for tests, and the sources that tests write to."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx

from services.common.settings import Settings


class JobFailed(Exception):
    """A job that ended in another state than COMPLETED; `status` is what the API said of it."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(status.get("errorMessage"))
        self.status = status


class Dremio:
    """Logged in over REST."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)
        answer = self.http.post("/apiv2/login", json={"userName": user, "password": password})
        answer.raise_for_status()
        self.token: str = answer.json()["token"]
        self.http.headers["Authorization"] = f"_dremio{self.token}"

    def submit(self, sql: str, context: list[str] | None = None) -> str:
        """Start a statement and return its job's id."""
        answer = self.http.post("/api/v3/sql", json={"sql": sql, "context": context})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def wait(self, job: str, seconds: float = 60) -> dict[str, Any]:
        """Return the job's status once it is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.http.get(f"/api/v3/job/{job}").json()
            if status["jobState"] in ("COMPLETED", "FAILED", "CANCELED"):
                return status
            time.sleep(0.01)
        raise AssertionError(f"job {job} still runs after {seconds} s")

    def reflections_of(self, sql: str) -> dict[str, str]:
        """Run a query; return reflection id → relationship as its job tells.

        Each time as another text: one that took long may be answered from kept results, without
        any reflection.
        """
        status = self.wait(self.submit(f"{sql} -- {uuid.uuid4()}"))
        assert status["jobState"] == "COMPLETED", status
        entries = status.get("acceleration", {}).get("reflectionRelationships", [])
        return {entry["reflectionId"]: entry["relationship"] for entry in entries}

    def query(self, sql: str, context: list[str] | None = None) -> dict[str, Any]:
        """Run a statement and return its results, every page of them."""
        job = self.submit(sql, context)
        status = self.wait(job)
        if status["jobState"] != "COMPLETED":
            raise JobFailed(status)
        whole: dict[str, Any] | None = None
        while whole is None or len(whole["rows"]) < whole["rowCount"]:
            offset = len(whole["rows"]) if whole else 0
            address = f"/api/v3/job/{job}/results?offset={offset}&limit=500"
            page = self.http.get(address).raise_for_status().json()
            if whole is None:
                whole = page
            else:
                whole["rows"] += page["rows"]
            assert whole is not None
        return whole

    def rows(self, sql: str, context: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows as tuples."""
        return [tuple(row.values()) for row in self.query(sql, context)["rows"]]


def source_body(settings: Settings, name: str, root_path: str) -> dict[str, Any]:
    """Return an S3 source as dbt-dremio's own CI configures it, on the platform's storage."""
    return {
        "name": name,
        "type": "S3",
        "config": {
            "credentialType": "ACCESS_KEY",
            "accessKey": "dremio",
            "accessSecret": settings.dremio_s3_secret_key.get_secret_value(),
            "secure": False,
            "externalBucketList": [],
            "enableAsync": True,
            "rootPath": root_path,
            "defaultCtasFormat": "ICEBERG",
            "propertyList": [
                {"name": "fs.s3a.path.style.access", "value": "true"},
                {"name": "fs.s3a.endpoint", "value": settings.s3_endpoint},
                {"name": "dremio.s3.compat", "value": "true"},
            ],
        },
        "metadataPolicy": {"updateMode": "PREFETCH_QUERIED"},
    }
