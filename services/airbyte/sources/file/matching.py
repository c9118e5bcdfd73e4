"""Which files a url with a glob means, and how an incremental sync knows those it has read.

Names as in Airbyte's file-based connectors (airbyte-python-cdk, `file_based`): the columns
`_ab_source_file_url` and `_ab_source_file_last_modified`, and a state with a `history` of files.
"""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.airbyte.cdk.failures import config_error
from services.airbyte.cdk.source import Environment
from services.airbyte.sources.file import remote, s3

Json = dict[str, Any]

FILE_URL, FILE_MODIFIED = "_ab_source_file_url", "_ab_source_file_last_modified"
# As many files as Airbyte remembers; older ones are known by the oldest remembered time.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Found:
    """A file: its url for the configuration, and when it was last changed."""

    url: str
    modified: str


def stamp(moment: datetime.datetime) -> str:
    """Return a time as Airbyte's file-based connectors write it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def is_glob(config: Json) -> bool:
    """Whether the url may mean several files."""
    storage = (config.get("provider") or {}).get("storage", "HTTPS")
    return storage != "HTTPS" and any(sign in str(config["url"]) for sign in "*?[")


def pattern(glob: str) -> re.Pattern[str]:
    """Return the regular expression of a glob: `*` and `?` stay within a folder, `**` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", glob)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(
        known.get(part)
        or (part if part.startswith("[") and part.endswith("]") else re.escape(part))
        for part in parts
    )
    return re.compile(f"^{text}$")


def matching(config: Json, env: Environment) -> list[Found]:
    """Return the files, oldest first. Raises ConnectorError when there are none."""
    storage = (config.get("provider") or {}).get("storage")
    url = str(config["url"])
    if storage == "local":
        found = _local(url, env)
    elif storage == "S3":
        found = [Found(u, stamp(t)) for u, t in s3.listing(config, url, pattern, env)]
    else:
        found = [Found(u, stamp(t)) for u, t in remote.listing(config, url, pattern)]
    if not found:
        raise config_error(f"{url}: no file is called so; set url")
    return sorted(found, key=lambda file: (file.modified, file.url))


def _local(url: str, env: Environment) -> list[Found]:
    inbox = env.inbox.resolve()
    wanted = pattern(url.removeprefix("file://").removeprefix("/local/"))
    found = []
    for folder, _, names in os.walk(inbox):
        for name in names:
            path = Path(folder) / name
            relative = path.relative_to(inbox).as_posix()
            inside = path.resolve().is_relative_to(inbox) and path.is_file()
            if inside and wanted.match(relative):
                moment = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
                found.append(Found(f"/local/{relative}", stamp(moment)))
    return found


def unread(files: list[Found], state: Json | None) -> list[Found]:
    """Return the files that are new or changed since `state`."""
    history: dict[str, str] = (state or {}).get("history") or {}
    oldest = min(history.values()) if len(history) >= _REMEMBERED else ""
    return [
        file
        for file in files
        if (file.modified > history[file.url] if file.url in history else file.modified > oldest)
    ]


def after(read: list[Found], state: Json | None) -> Json | None:
    """Return the state after `read` were read, too."""
    history = {**((state or {}).get("history") or {}), **{f.url: f.modified for f in read}}
    kept = sorted(history.items(), key=lambda item: (item[1], item[0]))[-_REMEMBERED:]
    if not kept:
        return state
    url, modified = kept[-1]
    return {"history": dict(kept), FILE_MODIFIED: f"{modified}_{url}"}
