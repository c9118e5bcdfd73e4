"""What `make doctor` says of a machine: each problem with what to do, and nothing changed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import preflight
from bootstrap.compose import engine
from bootstrap.environment import ensure_env_file
from bootstrap.runtime.compose import ComposeRuntime
from services.common.settings import CHECKOUT, read_settings
from tests.support.ports import free_port, free_ports


def doctor(home: Path, *, path: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user would who has nothing but this in the environment."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("LAKELET_", "DOCKER_"))}
    ports = {name: str(number) for name, number in free_ports().items()}
    return subprocess.run(
        [sys.executable, "-m", "bootstrap", "doctor"],
        cwd=CHECKOUT,
        env={
            **own,
            **ports,
            "PATH": path,
            "PYTHONPATH": str(CHECKOUT),
            "LAKELET_HOME": str(home),
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_docker_containers_cannot_be_had(tmp_path: Path) -> None:
    asked = doctor(tmp_path, path=str(tmp_path), RUNTIME="compose")
    assert asked.returncode == 1
    assert "there is no `docker` command" in asked.stdout
    assert "RUNTIME=embedded" in asked.stdout
    assert "Traceback" not in asked.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "not/made/yet"])
def test_without_docker_the_platform_runs_as_processes(tmp_path: Path, name: str) -> None:
    asked = doctor(tmp_path / name, path=str(tmp_path))
    assert asked.stdout.startswith("runtime: embedded (no Docker engine answers)\n")
    assert "engine" not in asked.stdout.partition("\n")[2]
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_refuses_says_why(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'permission denied on /var/run/docker.sock' >&2\nexit 1\n")
    docker.chmod(0o755)
    asked = doctor(tmp_path, path=f"{tmp_path}:/usr/bin:/bin", RUNTIME="compose")
    assert "permission denied on /var/run/docker.sock" in asked.stdout
    assert "group `docker`" in asked.stdout


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComposeRuntime:
    """The light engines on an engine that has nothing yet."""
    for name in ("RUNTIME", "PRESET", "ENGINES", "COMPOSE_PROFILES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engine, "engine_version", lambda: "28.2.2")
    beside = str(Path(sys.executable).with_name("docker-compose"))
    monkeypatch.setattr(engine, "compose_command", lambda: (beside,))
    monkeypatch.setattr(engine, "has_image", lambda name: False)
    monkeypatch.setattr(engine, "data_root", lambda: tmp_path)
    monkeypatch.setattr(engine.Compose, "containers", lambda self: [])
    monkeypatch.setattr(preflight, "available_memory", lambda: 64_000_000_000)
    lines = {**free_ports(), "ENGINES": "light"}
    (tmp_path / ".env").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
    ensure_env_file(tmp_path)
    return ComposeRuntime(read_settings(tmp_path))


def test_too_little_memory(runtime: ComposeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "available_memory", lambda: 1_000_000_000)
    (problem,) = runtime.problems()
    assert problem.check == "memory"
    assert "1.0 GB of memory available" in problem.message
    assert "set" not in problem.message  # nothing smaller can be chosen
    monkeypatch.setenv("PRESET", "large")
    (problem,) = runtime.problems()
    assert "set PRESET=small in .env" in problem.message


def test_too_little_disk_for_images(
    runtime: ComposeRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 3_000_000_000

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage)
    (problem,) = runtime.problems()
    assert problem.message.startswith(f"3.0 GB free on the file system of {tmp_path}, 6.0 GB")
    assert "data-root" in problem.message
    monkeypatch.setattr(engine, "has_image", lambda name: True)
    assert runtime.problems() == []  # the images are there: room for data is enough


def test_a_port_that_is_taken(tmp_path: Path, runtime: ComposeRuntime) -> None:
    number = free_port()
    with socket.create_server(("127.0.0.1", number)):
        with (tmp_path / ".env").open("a") as env:
            env.write(f"DREMIO_FLIGHT_PORT={number}\n")
        (problem,) = ComposeRuntime(read_settings(tmp_path)).problems()
    assert problem.check == "ports"
    assert f"port {number} (dremio) is held by" in problem.message
    assert f"(pid {os.getpid()})" in problem.message
    assert "set DREMIO_FLIGHT_PORT in .env" in problem.message
    assert runtime.problems() == []
