"""The Compose runtime: the services as containers, the vendors' own or our light engines."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from bootstrap.compose import checks, engine
from bootstrap.compose.archive import without
from bootstrap.compose.engine import Compose
from bootstrap.compose.view import inside, published
from bootstrap.environment import ensure_value
from bootstrap.preflight import Problem
from bootstrap.progress import Progress
from bootstrap.runtime import record_used
from services.common.errors import ConfigError, NotFoundError, PermanentError, RefusedError
from services.common.settings import CHECKOUT, Settings

ENGINES = ("vendor", "light")
# Nessie needs PostgreSQL, MinIO and the one-shots that make their users.
_BASES = {"vendor": ("nessie",), "light": ("postgres", "minio")}
# What is copied over the wire, object by object and row by row, or is made anew.
_VOLUMES_LEFT_OUT = {"postgres", "minio", "light_postgres", "light_storage", "light_logs", "valkey"}
_ASIDE = "-before-upgrade"
# In the order in which they stand in their file.
_TARGETS = (None, "platform", "notebooks")
# What Dremio's engine makes anew in its volume: not worth a place in a backup.
_MADE_ANEW = ("dremio/extensions", "dremio/spill")
# Seconds until all is healthy; images are there by then. The vendors' Dremio and Airbyte migrate
# their stores at the first start. One that dies at every start is only told when they are over.
_SECONDS = {"vendor": 900, "light": 300}


def why_not_compose(settings: Settings) -> str | None:
    """Return why RUNTIME=auto does not take Compose here, or None when it can."""
    if engine.engine_version() is None:
        return "no Docker engine answers"
    runtime = ComposeRuntime(settings)
    if runtime.engines == "vendor":
        # Gigabytes to pull and to run: nobody gets that without having asked for it.
        return "a Docker engine answers; RUNTIME=compose takes it (ENGINES=light: the small way)"
    problems = runtime.problems()
    if problems:
        return f"a Docker engine answers, but {problems[0].message}"
    missing = [name for name in runtime.images_to_pull() if not engine.has_image(name)]
    if missing and not engine.can_pull(missing[0]):
        return f"a Docker engine answers, but image {missing[0]} is neither there nor to be had"
    return None


class ComposeRuntime:
    """Runs the services of one home folder as one Compose project."""

    name = "compose"
    has_catalog: bool
    bases: tuple[str, ...]

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        values = settings.extra_values()
        self.engines = values.get("ENGINES") or "vendor"
        if self.engines not in ENGINES:
            raise ConfigError(f"ENGINES={self.engines!r}: set {' or '.join(ENGINES)}")
        self.inside = inside(settings, self.engines)
        self.has_catalog = self.engines == "light"  # the vendors' is Nessie, in PostgreSQL
        self.bases = _BASES[self.engines]
        self._waiting = ("--wait", "--wait-timeout", str(_SECONDS[self.engines]))
        self._project = values.get("COMPOSE_PROJECT_NAME") or _project(settings)
        self.compose = Compose(
            CHECKOUT,
            settings.env_file,
            {
                **published(settings),
                "BIND_ADDRESS": settings.bind_address,
                "LAKELET_INBOX": str(settings.inbox_dir),
                "LAKELET_ENV_FILE": str(settings.env_file),
                "LAKELET_DBT": str(settings.data_dir / "dbt"),
                "COMPOSE_PROJECT_NAME": self._project,
            },
        )

    def is_up(self) -> bool:
        """Say whether every container is healthy, or did its work and ended."""
        containers = self.compose.containers()
        return bool(containers) and all(map(_is_well, containers))

    def up(self, progress: Progress) -> None:
        """Start what does not run; return when all is healthy.

        Raises RefusedError when the machine is not fit for it, PermanentError with Compose's
        words when a container does not become healthy.
        """
        if not self.compose.containers():
            problems = self.problems()
            if problems:
                raise RefusedError("\n".join(f"{p.check}: {p.message}" for p in problems))
        if self._settings.backup_every:
            progress.note("BACKUP_EVERY is for RUNTIME=embedded: have cron run `lakelet backup`")
        self._prepare()
        self._build(progress)
        self._start()

    def up_only(self, names: Sequence[str]) -> None:
        """Have these services and what they need run, healthy, and no others."""
        self._prepare()
        self._build(Progress())
        needed = _with_needs(self.compose.model()["services"], names)
        others = [name for name in self.running() if name not in needed]
        if others:
            self.compose.run("--profile", "*", "stop", *others)
        self._start(*names)

    def _start(self, *names: str) -> None:
        """Start containers; raise PermanentError with what those that are not well said last."""
        try:
            self.compose.run("up", "--detach", "--no-build", *self._waiting, *names)
        except PermanentError as error:
            begun = [c for c in self.compose.containers() if c["State"] != "created"]
            unwell = sorted({str(c["Service"]) for c in begun if not _is_well(c)})
            if not unwell:
                raise
            said = self.compose.run("--profile", "*", "logs", "--no-color", "--tail", "5", *unwell)
            raise PermanentError(f"{error}\n{said.rstrip()[-3000:]}") from error

    def running(self) -> list[str]:
        """Return the names of the services that run, well or not."""
        return sorted(
            str(c["Service"]) for c in self.compose.containers() if c["State"] == "running"
        )

    def volumes(self) -> list[str]:
        """Return the volumes that nothing else of a backup covers."""
        return sorted(self._mounts())

    @contextmanager
    def read_volume(self, name: str) -> Iterator[IO[bytes]]:
        """Give a volume as a tar file. Raises PermanentError with the engine's words."""
        container, folder = self._container_of(name)
        command = ["docker", "cp", "--archive", f"{container}:{folder}/.", "-"]
        with tempfile.TemporaryFile() as whole, tempfile.TemporaryFile() as own:
            result = subprocess.run(command, stdout=whole, stderr=subprocess.PIPE, check=False)
            if result.returncode != 0:
                words = result.stderr.decode(errors="replace").strip()
                raise PermanentError(f"volume {name}: {words}")
            whole.seek(0)
            without(whole, own, self._below(name, folder))
            own.seek(0)
            yield own

    def write_volume(self, name: str, content: Path) -> None:
        """Fill a volume from a tar file. Raises PermanentError with the engine's words."""
        self._prepare()
        container, folder = self._container_of(name)
        with content.open("rb") as tar:
            result = subprocess.run(
                # Not with --archive: the engine would look the container's user up on this machine;
                # without it files keep the numbers of their owners.
                ["docker", "cp", "-", f"{container}:{folder}"],
                stdin=tar,
                capture_output=True,
                text=True,
                check=False,
            )
        if result.returncode != 0:
            raise PermanentError(f"volume {name}: {result.stderr.strip()}")

    def _mounts(self) -> dict[str, tuple[str, str]]:
        """Return volume → one service that mounts it, and where."""
        return {
            mount["source"]: (service, mount["target"])
            for service, described in self.compose.model()["services"].items()
            for mount in described.get("volumes", [])
            if mount["type"] == "volume"
            and mount["source"] not in _VOLUMES_LEFT_OUT
            and not mount.get("read_only")
        }

    def _below(self, volume: str, folder: str) -> list[str]:
        """Return what of a volume is left out of a backup: other mounts, what is made anew."""
        service = self.compose.model()["services"][self._mounts()[volume][0]]
        targets = [mount["target"] for mount in service["volumes"]]
        below = [t.removeprefix(f"{folder}/") for t in targets if t.startswith(f"{folder}/")]
        return [*below, *_MADE_ANEW]

    def _container_of(self, volume: str) -> tuple[str, str]:
        """Return a container (made, if need be, not started) and the folder of a volume in it."""
        try:
            service, folder = self._mounts()[volume]
        except KeyError:
            raise NotFoundError(f"no volume {volume!r} with ENGINES={self.engines}") from None
        found = [c["ID"] for c in self.compose.containers() if c["Service"] == service]
        if not found:
            self._build(Progress())
            self.compose.run("create", "--no-build", service)
            found = [c["ID"] for c in self.compose.containers() if c["Service"] == service]
        return found[0], folder

    def _prepare(self) -> None:
        # Compose alone, without `lakelet`, then finds the same project and the same volumes.
        ensure_value(self._settings.lakelet_home, "COMPOSE_PROJECT_NAME", self._project)
        record_used(self._settings, self.name)
        # Containers read them as another user.
        for folder in (self._settings.inbox_dir, self._settings.data_dir / "dbt"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        self._settings.data_dir.chmod(0o711)

    def down(self) -> None:
        """Stop and remove the containers; the volumes stay."""
        self.compose.run("--profile", "*", "down", "--remove-orphans")

    def remove(self) -> None:
        """Stop everything and delete the volumes."""
        self.compose.run("--profile", "*", "down", "--remove-orphans", "--volumes")

    def restart(self, service: str) -> None:
        """Restart one service. Raises NotFoundError when there is none of that name."""
        self._check_name(service)
        self.compose.run("restart", service)

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each container."""
        containers = self.compose.containers()
        memory = _memory([c["ID"] for c in containers if c["State"] == "running"])
        return [
            {
                "name": c["Service"],
                "state": _state(c),
                "healthy": _is_well(c),
                "pid": started[0],
                "uptime": started[1],
                "memory": memory.get(c["ID"][:12], 0),
            }
            for c in sorted(containers, key=lambda c: str(c["Service"]))
            for started in [_process(c["ID"])]
        ]

    def show_logs(self, service: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the containers' logs. Raises NotFoundError for an unknown service."""
        if service:
            self._check_name(service)
        how = ["--follow"] if follow else []
        names = [service] if service else []
        subprocess.run(
            self.compose.command("logs", "--tail", str(lines), *how, *names),
            env={**os.environ, **self.compose.environment},
            check=False,
        )

    def problems(self) -> list[Problem]:
        """Check engine, disk, memory, ports and the kernel's limits; changes nothing."""
        problems = checks.check_engine()
        if problems:
            return problems
        model = self.compose.model()
        images = {service["image"] for service in model["services"].values()}
        new = not all(map(engine.has_image, images))
        problems = checks.check_disk(self._settings.lakelet_home, self.engines, new=new)
        problems += checks.check_map_count(model)
        if not self.compose.containers():  # while they run they hold the memory and the ports
            preset = self._settings.extra_values().get("PRESET") or "small"
            problems += checks.check_memory(model, self.engines, preset)
            problems += checks.check_ports(model)
        return problems

    def set_images_aside(self) -> None:
        """Keep the images built here under other names; the next start builds anew."""
        for name in self._built():
            if engine.has_image(name):
                _docker("image", "tag", name, name + _ASIDE)
                _docker("image", "rm", "--no-prune", name)

    def put_images_back(self) -> None:
        """Give the images that were set aside their names again."""
        for name in self._built():
            if engine.has_image(name + _ASIDE):
                _docker("image", "tag", name + _ASIDE, name)

    def _built(self) -> list[str]:
        """Return the images of our own code."""
        services = self.compose.model()["services"].values()
        return sorted({s["image"] for s in services if s.get("build")})

    def images_to_pull(self) -> list[str]:
        """Return the images that have to come from a registry; the others are built here."""
        services = self.compose.model()["services"].values()
        return sorted({s["image"] for s in services if not s.get("build")})

    def _build(self, progress: Progress) -> None:
        """Build the images of our own code that the engine does not have, side by side."""
        services = self.compose.model()["services"].values()
        builds = {s["image"]: s["build"] for s in services if s.get("build")}
        missing = [name for name in sorted(builds) if not engine.has_image(name)]
        # What is built from one file shares its first layers: one after the other, to find them.
        by_file: dict[str, list[str]] = {}
        for name in sorted(missing, key=lambda n: _TARGETS.index(builds[n].get("target"))):
            by_file.setdefault(builds[name]["dockerfile"], []).append(name)

        def build(names: list[str]) -> None:
            for name in names:
                engine.build_image(name, builds[name])

        if missing:
            plural = "" if len(missing) == 1 else "s"
            with (
                progress.step(f"build image{plural} {', '.join(missing)}"),
                ThreadPoolExecutor(len(by_file)) as pool,
            ):
                list(pool.map(build, by_file.values()))

    def _check_name(self, service: str) -> None:
        names = sorted(self.compose.model()["services"])
        if service not in names:
            raise NotFoundError(f"no service {service!r}; there are: {', '.join(names)}")


def _with_needs(services: dict[str, Any], names: Sequence[str]) -> set[str]:
    """Return the services and all that they depend on."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += services.get(name, {}).get("depends_on", {})
    return needed


def _project(settings: Settings) -> str:
    """Name the project after the home folder: two platforms on one engine stay apart."""
    return f"lakelet-{hashlib.sha256(str(settings.lakelet_home).encode()).hexdigest()[:8]}"


def _is_well(container: dict[str, Any]) -> bool:
    if container["State"] == "exited":
        return container["ExitCode"] == 0 and "oneshot" in container.get("Labels", "")
    return container["State"] == "running" and container.get("Health") in {"healthy", "", None}


def _state(container: dict[str, Any]) -> str:
    if container["State"] == "exited":
        return f"ended with {container['ExitCode']}"
    return str(container.get("Health") or container["State"])


def _process(container: str) -> tuple[int, int]:
    """Return a container's process id (0: none) and the seconds since its start."""
    output = _docker("inspect", "--format", "{{.State.Pid}} {{.State.StartedAt}}", container)
    pid, _, started = output.strip().partition(" ")
    since = datetime.fromisoformat(started[:19]).replace(tzinfo=UTC)
    return int(pid), int((datetime.now(UTC) - since).total_seconds())


_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def _memory(containers: list[str]) -> dict[str, int]:
    """Return bytes in use by short container id (`docker stats` prints `145.5MiB / 1GiB`)."""
    if not containers:
        return {}
    output = _docker("stats", "--no-stream", "--format", "{{.ID}} {{.MemUsage}}", *containers)
    used = {}
    for line in output.splitlines():
        short, amount = line.split()[:2]
        number = amount.rstrip("BKMGTi")
        used[short] = int(float(number) * _UNITS[amount[len(number) :]])
    return used


def _docker(*arguments: str) -> str:
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PermanentError(f"`docker {arguments[0]}` failed: {result.stderr.strip()}")
    return result.stdout
