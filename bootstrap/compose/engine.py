"""The Docker engine and Compose: whether they answer, and running their commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from services.common.errors import ConfigError, PermanentError

# An engine on a slow machine answers in a second; one that hangs must not hang `lakelet status`.
_SECONDS = 10
# What Compose itself asks of an engine for what the files use (`configs.content`, profiles).
OLDEST_ENGINE = (20, 10)
_WENT_WELL = re.compile(
    r"\s*(Container|Network|Volume|Image) \S+\s+"
    r"(Creat|Recreat|Start|Restart|Wait|Health|Runn|Stop|Remov|Exit)\w*\s*$"
)


def engine_version() -> str | None:
    """Return the engine's version, or None when there is no client or no engine answers."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    try:
        result = _run([docker, "version", "--format", "{{.Server.Version}}"], timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return result.stdout.strip() or None if result.returncode == 0 else None


def why_no_engine() -> str:
    """Return why no engine answers, in the client's own words where there is one."""
    docker = shutil.which("docker")
    if docker is None:
        return "there is no `docker` command"
    try:
        result = _run([docker, "version"], timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"`docker version` said nothing for {_SECONDS} s"
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "`docker version` tells of no server"


def data_root() -> Path | None:
    """Return where the engine keeps images and volumes, if that is a folder of this machine."""
    result = _run(["docker", "info", "--format", "{{.DockerRootDir}}"], timeout=_SECONDS)
    folder = Path(result.stdout.strip() or "/no/such")
    try:
        return folder if folder.is_dir() else None
    except OSError:  # it may be closed to this user: what lies above it is the same disk mostly
        return None


@lru_cache(maxsize=1)
def compose_command() -> tuple[str, ...] | None:
    """Return the command that is Compose 2 or newer: the client's plug-in, or `docker-compose`."""
    candidates: list[tuple[str, ...]] = []
    if docker := shutil.which("docker"):
        candidates.append((docker, "compose"))
    beside = Path(sys.executable).with_name("docker-compose")
    for program in (str(beside) if beside.exists() else None, shutil.which("docker-compose")):
        if program:
            candidates.append((program,))
    for command in candidates:
        result = _run([*command, "version", "--short"], timeout=_SECONDS)
        if result.returncode == 0 and not result.stdout.strip().lstrip("v").startswith("1."):
            return command
    return None


def has_image(name: str) -> bool:
    """Say whether the engine has the image."""
    return _run(["docker", "image", "inspect", name], timeout=_SECONDS).returncode == 0


def can_pull(name: str) -> bool:
    """Say whether the image's registry answers for it (its manifest is asked for, no layer)."""
    try:
        return _run(["docker", "manifest", "inspect", name], timeout=_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def build_image(name: str, build: Mapping[str, Any]) -> None:
    """Build an image as a service's `build` says. Raises PermanentError with the builder's words.

    Through the engine and not through Compose, whose own building wants a newer buildx than
    many distributions have.
    """
    command = ["docker", "build", "--tag", name]
    command += ["--file", str(Path(build["context"]) / build.get("dockerfile", "Dockerfile"))]
    command += ["--target", build["target"]] if build.get("target") else []
    for key, value in (build.get("args") or {}).items():
        command += ["--build-arg", f"{key}={value}"]
    buildx = _run(["docker", "buildx", "version"], timeout=_SECONDS).returncode == 0
    result = _run([*command, build["context"]], environment={} if buildx else _LEGACY_BUILDER)
    if result.returncode != 0:
        raise PermanentError(f"building {name} failed:\n{(result.stdout + result.stderr)[-3000:]}")


_LEGACY_BUILDER = {"DOCKER_BUILDKIT": "0"}


class Compose:
    """Runs Compose's commands on the checkout's files with one platform's settings."""

    def __init__(self, folder: Path, env_file: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._env_file = env_file
        self._environment = dict(environment)
        self._resolved: tuple[object, dict[str, Any]] | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line. Raises ConfigError when there is no Compose."""
        compose = compose_command()
        if compose is None:
            raise ConfigError(
                "no Docker Compose 2 here: looked for `docker compose` and `docker-compose`; "
                "install the Compose plug-in, or set RUNTIME=embedded"
            )
        env_file = self._env_file if self._env_file.exists() else Path(os.devnull)
        place = ["--project-directory", str(self._folder), "--env-file", str(env_file)]
        return [*compose, *place, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that win over `.env`."""
        return self._environment

    def run(self, *arguments: str) -> str:
        """Run a command and return what it printed. Raises PermanentError with its words."""
        result = _run(self.command(*arguments), environment=self._environment)
        if result.returncode != 0:
            words = " ".join(arguments[:3])
            raise PermanentError(f"`docker compose {words} …` failed:\n{_reasons(result.stderr)}")
        return result.stdout

    def model(self) -> dict[str, Any]:
        """Return the files as Compose resolves them; read again when one of them has changed."""
        state = self._state_of_files()
        if self._resolved is None or self._resolved[0] != state:
            self._resolved = (state, json.loads(self.run("config", "--format", "json")))
        return self._resolved[1]

    def _state_of_files(self) -> object:
        own = [self._folder / "docker-compose.yml", *sorted((self._folder / "compose").rglob("*"))]
        stats = [(path, path.stat()) for path in (*own, self._env_file) if path.exists()]
        return [(path, stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in stats]

    def containers(self) -> list[dict[str, Any]]:
        """Return a record for each container of the platform, ended ones too."""
        text = self.run("--profile", "*", "ps", "--all", "--format", "json")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _reasons(text: str) -> str:
    """Return the end of what Compose told, without its lines on what went well."""
    kept = [line for line in text.strip().splitlines() if not _WENT_WELL.match(line)]
    return "\n".join(kept)[-3000:]


def _run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:

    return subprocess.run(
        list(command),
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
