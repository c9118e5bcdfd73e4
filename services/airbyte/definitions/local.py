"""Connectors that run code of this machine: the commands that lakelet.yml names, and the manifests
that have a components.py beside them or are run by another release of airbyte-cdk.

    connectors:
      mine: {command: [python, my_source.py]}
      theirs: {manifest: connectors/theirs/manifest.yaml}

The file belongs to whoever runs the platform; nothing of this can be set over the network.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from services.airbyte.definitions.registry import Definition
from services.airbyte.sources.protocol.launch import COMPONENTS, Launch
from services.airbyte.state import definitions
from services.airbyte.state.database import Pool
from services.common import json_yaml
from services.common.errors import LakeletError
from services.common.settings import CHECKOUT, Settings

log = logging.getLogger(__name__)

# After how many seconds a command that failed is asked again.
_RETRY = 30.0
_MODULE = re.compile(r"^source_\w+\.components\.(?=\w+$)")
_COMPONENTS = "source_declarative_manifest.components."
_SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def local_id(name: str) -> UUID:
    """Return the definition id of a command; the same on every installation."""
    return uuid5(_SPACE, f"https://lakelet/connectors/{name}")


def commands(path: Path) -> dict[str, Launch]:
    """Return the connectors that the file names and that run code of this machine."""
    document = _yaml(path)
    named = document.get("connectors") if isinstance(document, dict) else None
    found = {str(name): _launch(entry, path.parent) for name, entry in (named or {}).items()}
    return {name: launch for name, launch in found.items() if launch is not None}


def _launch(entry: Any, folder: Path) -> Launch | None:
    """Return how a connector is started: a command in the file's folder, a manifest in its own."""
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("command"), list) and entry["command"]:
        return Launch("command", command=tuple(map(str, entry["command"])), folder=str(folder))
    path = folder / str(entry.get("manifest") or "")
    version, has_code = str(entry.get("version") or ""), (path.parent / COMPONENTS).is_file()
    if not path.is_file() or not (version or has_code):
        return None  # it is sent like any other
    manifest = _yaml(path)
    if not isinstance(manifest, dict):
        return None
    own = str(path.parent) if has_code else ""
    return Launch("manifest", version=version, manifest=_renamed(manifest), folder=own)


def _renamed(part: Any) -> Any:
    """Return a manifest with the one name for components.py that airbyte-cdk knows it by.

    In a package of Airbyte's the module has the package's name (source_x.components).
    """
    if isinstance(part, list):
        return [_renamed(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _MODULE.sub(_COMPONENTS, value)
        if name == "class_name" and isinstance(value, str)
        else _renamed(value)
        for name, value in part.items()
    }


def _yaml(path: Path) -> Any:
    try:
        return json_yaml.load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None


def platform_file(settings: Settings) -> Path:
    """Return the lakelet.yml in use: the home folder's, else the checkout's."""
    own = settings.lakelet_home / "lakelet.yml"
    return own if own.exists() else CHECKOUT / "lakelet.yml"


class LocalConnectors:
    """Keeps the stored definitions of commands as the file has them."""

    def __init__(
        self,
        path: Callable[[], Path],
        db: Pool,
        specification: Callable[[Launch], dict[str, Any]],
    ) -> None:
        self._find, self._db, self._specification = path, db, specification
        self._path = path()
        self._seen: tuple[str, int] | None = None
        self._wanted: dict[str, Launch] = {}
        self._again = 0.0
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read the file again if it has changed; a command that fails is logged and left out."""
        with self._lock:
            self._path = self._find()
            try:
                times = [path.stat().st_mtime_ns for path in (self._path, *self._manifests())]
            except OSError:
                return
            now = (str(self._path), max(times))
            if self._seen == now and time.monotonic() < self._again:
                return
            self._wanted = wanted = commands(self._path)
            with self._db.connection() as db:
                known = {d.id: d for d in definitions.listing(db) if d.local}
            complete = True
            for name, launch in wanted.items():
                complete &= self._store(name, launch, known.pop(local_id(name), None))
            with self._db.connection() as db:
                for left in known.values():
                    definitions.put(db, replace(left, deleted=True))
            self._seen = now
            self._again = math.inf if complete else time.monotonic() + _RETRY

    def _manifests(self) -> list[Path]:
        """The folders of the manifests that were there: an editor's new file changes them."""
        folders = {Path(one.folder) for one in self._wanted.values() if one.kind == "manifest"}
        return [path for folder in folders for path in (folder, *folder.glob("*.yaml"))]

    def _store(self, name: str, launch: Launch, before: Definition | None) -> bool:
        try:
            spec = self._specification(launch)
        except LakeletError as error:
            log.warning("connector %s (%s) of %s: %s", name, launch.label, self._path, error)
            return False
        made = Definition(
            id=local_id(name),
            kind="source",
            connector=launch.dump(),
            name=name,
            docker_repository=f"local/{name}",
            docker_image_tag="local",
            documentation_url=spec.get("documentationUrl") or "",
            release_stage="custom",
            support_level="none",
            spec=spec,
            custom=True,
            local=True,
        )
        if made != before:
            with self._db.connection() as db:
                definitions.put(db, made)
        return True
