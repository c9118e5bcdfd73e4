"""Airbyte over its Config API.

Facts: airbytehq/airbyte-platform, `config.yaml` (the Config API's OpenAPI document): every call
is a POST with a JSON body; times are epoch seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from bootstrap.clients.http import ApiClient
from services.common.errors import NotFoundError, PermanentError
from services.common.settings import Settings

_UNFINISHED = {"pending", "running", "incomplete"}
_SYNCING = ["sync", "refresh"]
_KINDS = [*_SYNCING, "reset_connection", "clear"]
# How often it is tried to begin a sync while others begin theirs.
_TURNS = 5
# How long a continuous connection may have no job, in seconds.
_RESUMING = 10.0
# Longer than the longest call may take on the server.
_ANSWER_SECONDS = 1800.0


class Airbyte(ApiClient):
    """A client of one Airbyte and its first workspace."""

    def __init__(self, settings: Settings) -> None:
        password = settings.admin_password.get_secret_value()
        super().__init__(
            "Airbyte", settings.airbyte_url, auth=httpx.BasicAuth(settings.admin_user, password)
        )
        # Installing a connector is one call, and so is a check; the server bounds them itself.
        self.http.timeout = httpx.Timeout(60, read=_ANSWER_SECONDS)
        self._workspace: str | None = None

    @property
    def workspace(self) -> str:
        """The id of the first workspace."""
        if self._workspace is None:
            found = self.post("workspaces/list", {})["workspaces"]
            self._workspace = str(found[0]["workspaceId"])
        return self._workspace

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Call `/api/v1/<path>`."""
        return self.call("POST", f"/api/v1/{path}", body)

    def named(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return the source, destination or connection (`kind` in plural) called `name`."""
        return self.all_of(kind).get(name)

    def all_of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return all sources, destinations or connections (`kind` in plural) by name, the first."""
        found = self.post(f"{kind}/list", {"workspaceId": self.workspace})[kind]
        return {item["name"]: item for item in reversed(found)}

    def connection(self, name: str) -> dict[str, Any]:
        """Return a connection. Raises NotFoundError with the names there are."""
        found = self.named("connections", name)
        if found is None:
            names = ", ".join(self.all_of("connections"))
            raise NotFoundError(f"no connection {name!r}; there are: {names or 'none'}")
        return found

    def connection_id(self, name: str) -> str:
        """Return a connection's id. Raises NotFoundError with the names there are."""
        return str(self.connection(name)["connectionId"])

    def sync(
        self, name: str, progress: Callable[[dict[str, Any]], None] = lambda _job: None
    ) -> dict[str, Any]:
        """Sync a connection and wait for the end; a sync that already runs is waited for.

        A refresh counts as one; a reset or clear brings nothing: the sync begins after it.
        `progress` is given each answer, the last one too, which is returned. Raises
        PermanentError with the failure's message when the job does not succeed, NotFoundError
        when there is no such connection. Of a continuous connection it waits until what the source
        holds now is there; its job, which goes on, is returned.
        """
        connection = self.connection_id(name)
        if self.continuous_status(name) is not None:
            return self._caught_up(name, connection, progress)
        for left in reversed(range(_TURNS)):
            running = self._running_job(connection)
            if running is None:
                try:
                    started = self.post("connections/sync", {"connectionId": connection})
                except PermanentError:
                    if left:  # someone else may have been a moment earlier
                        continue
                    raise
                return self.wait(started["job"]["id"], f"sync of {name!r}", progress)
            job_id, kind = running
            if kind in _SYNCING:
                return self.wait(job_id, f"{kind} of {name!r}", progress)
            self.wait(job_id, f"{kind} of {name!r}")
        raise PermanentError(f"{name!r} is reset again and again; try once more")

    def refresh(
        self, connection: dict[str, Any], streams: Sequence[dict[str, Any]], *, truncate: bool
    ) -> dict[str, Any]:
        """Read a connection, or some entries of its catalog, from the start; return the job.

        What the tables hold goes first with `truncate`, else it stays. A job that runs is ended.
        Raises PermanentError with the failure's message.
        """
        identity = str(connection["connectionId"])
        mode = "Truncate" if truncate else "Merge"
        body: dict[str, Any] = {"connectionId": identity, "refreshMode": mode}
        if streams:
            body["streams"] = _named(streams)
        started = self.post("connections/refresh", body)
        # Airbyte up to 1.0 only says that it has begun.
        job = started.get("job") or self._jobs(identity)[0]["job"]
        return self.wait(job["id"], f"refresh of {connection['name']!r}")

    def clear(self, connection: dict[str, Any], streams: Sequence[dict[str, Any]]) -> None:
        """Empty the tables of a connection, or of some entries of its catalog. See `refresh`."""
        body = {"connectionId": connection["connectionId"]}
        if streams:
            started = self.post("connections/clear/stream", {**body, "streams": _named(streams)})
        else:
            started = self.post("connections/clear", body)
        self.wait(started["job"]["id"], f"clear of {connection['name']!r}")

    def cancel(self, name: str) -> dict[str, Any] | None:
        """End the job of a connection that runs and return it; None when none does."""
        running = self._running_job(self.connection_id(name))
        if running is None:
            return None
        return dict(self.post("jobs/cancel", {"id": running[0]})["job"])

    def wait(
        self,
        job_id: int,
        what: str,
        progress: Callable[[dict[str, Any]], None] = lambda _job: None,
    ) -> dict[str, Any]:
        """Wait for a job's end; `what` it is stands in the error. See `sync`."""
        pause = 0.05
        while (job := self.post("jobs/get", {"id": job_id}))["job"]["status"] in _UNFINISHED:
            progress(job)
            time.sleep(pause)
            pause = min(pause * 1.3, 1.0)
        progress(job)
        if job["job"]["status"] != "succeeded":
            raise PermanentError(f"{what} {job['job']['status']}: {_failure(job)}")
        return dict(job)

    def continuous_status(self, name: str) -> dict[str, Any] | None:
        """Return how far a continuous connection is, None for others (and unknown ones)."""
        found = self.named("connections", name) or {}
        return dict(found["continuousStatus"]) if "continuousStatus" in found else None

    def pause(self, name: str, *, paused: bool) -> None:
        """Pause a connection (status inactive), or resume it."""
        status = "inactive" if paused else "active"
        body = {"connectionId": self.connection_id(name), "status": status}
        self.post("connections/update", body)

    def _caught_up(
        self, name: str, connection: str, progress: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Wait until a continuous connection has brought what its source holds now."""
        asked, began = time.time(), time.monotonic()
        while True:
            found = self.named("connections", name) or {}
            if found.get("status") != "active":
                raise PermanentError(f"{name!r} is paused; `lakelet resume {name}` starts it again")
            told = found.get("continuousStatus") or {}
            newest = next(iter(self._jobs(connection)), None)
            if newest is not None:
                job = dict(self.post("jobs/get", {"id": newest["job"]["id"]}))
                progress(job)
                if float(told.get("upToDateAt", 0.0)) >= asked:
                    return job
                ended = job["job"]["status"]
                # One that has just been resumed gets its new job within a second.
                if ended in ("failed", "cancelled") and time.monotonic() - began > _RESUMING:
                    raise PermanentError(
                        f"{name!r} is continuous, and its job {ended}: {_failure(job)};"
                        f" `lakelet resume {name}` starts it anew"
                    )
            time.sleep(0.3)

    def _jobs(self, connection: str) -> list[dict[str, Any]]:
        """Return a connection's latest jobs, the newest first."""
        body = {"configTypes": _KINDS, "configId": connection}
        return list(self.post("jobs/list", body)["jobs"])

    def _running_job(self, connection: str) -> tuple[int, str] | None:
        """Return the id and the type of the connection's job that has not ended."""
        for item in self._jobs(connection):
            if item["job"]["status"] in _UNFINISHED:
                return int(item["job"]["id"]), str(item["job"]["configType"])
        return None


def _named(streams: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries of a catalog as the API's calls name them."""
    found = []
    for stream in (entry["stream"] for entry in streams):
        namespace = stream.get("namespace")
        rest = {"streamNamespace": namespace} if namespace else {}
        found.append({"streamName": stream["name"], **rest})
    return found


def _failure(job: dict[str, Any]) -> str:
    for item in reversed(job.get("attempts", [])):
        failures = ((item.get("attempt") or item).get("failureSummary") or {}).get("failures") or []
        messages = [f.get("externalMessage") or f.get("internalMessage") for f in failures]
        if any(messages):
            return "; ".join(str(message) for message in messages if message)
    return f"see `lakelet logs airbyte` (job {job['job']['id']})"
