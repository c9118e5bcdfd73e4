"""Which runtime is taken, and what the services are told of each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.compose import checks, engine
from bootstrap.compose.view import inside, published
from bootstrap.environment import ensure_env_file, ensure_value
from bootstrap.runtime import choose_runtime, record_used
from bootstrap.runtime import compose as compose_runtime
from services.common.errors import ConfigError
from services.common.settings import Settings, read_settings


def settings_with(folder: Path, *lines: str) -> Settings:
    (folder / ".env").write_text("".join(f"{line}\n" for line in lines))
    ensure_env_file(folder)
    return read_settings(folder)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME", "ENGINES", "PRESET", "COMPOSE_PROJECT_NAME", "PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def client_without_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")


@pytest.mark.usefixtures("no_client")
def test_without_docker_the_embedded_runtime_is_taken(tmp_path: Path) -> None:
    runtime, why = choose_runtime(settings_with(tmp_path))
    assert (runtime.name, why) == ("embedded", "no Docker engine answers")


@pytest.mark.usefixtures("client_without_engine")
def test_a_client_alone_is_no_engine(tmp_path: Path) -> None:
    runtime, why = choose_runtime(settings_with(tmp_path, "ENGINES=light"))
    assert (runtime.name, why) == ("embedded", "no Docker engine answers")


def test_the_vendors_servers_are_only_taken_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "engine_version", lambda: "28.2.2")
    runtime, why = choose_runtime(settings_with(tmp_path))
    assert runtime.name == "embedded"
    assert "RUNTIME=compose" in why


@pytest.mark.parametrize(
    ("missing", "pulls", "problem", "taken"),
    [
        ([], False, [], "compose"),
        (["vendor/x:1"], True, [], "compose"),
        (["vendor/x:1"], False, [], "embedded"),
        ([], True, [checks.Problem("memory", "too little memory")], "embedded"),
    ],
)
def test_an_engine_is_taken_where_its_images_can_be_had(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: list[str],
    pulls: bool,
    problem: list[checks.Problem],
    taken: str,
) -> None:
    monkeypatch.setattr(engine, "engine_version", lambda: "28.2.2")
    monkeypatch.setattr(engine, "has_image", lambda name: name not in missing)
    monkeypatch.setattr(engine, "can_pull", lambda name: pulls)
    runtime = compose_runtime.ComposeRuntime
    monkeypatch.setattr(runtime, "images_to_pull", lambda self: ["vendor/x:1"])
    monkeypatch.setattr(runtime, "problems", lambda self: problem)
    chosen, why = choose_runtime(settings_with(tmp_path, "ENGINES=light"))
    assert chosen.name == taken
    assert why


def test_a_platform_stays_with_the_runtime_that_has_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(tmp_path, "ENGINES=light")
    record_used(settings, "compose")
    assert choose_runtime(settings)[0].name == "compose"
    record_used(settings, "embedded")
    monkeypatch.setattr(compose_runtime, "why_not_compose", lambda settings: None)
    assert choose_runtime(settings)[0].name == "embedded"


@pytest.mark.parametrize("line", ["RUNTIME=docker", "RUNTIME=compose\nENGINES=heavy"])
def test_a_wrong_name_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="set "):
        choose_runtime(settings_with(tmp_path, line))


def test_services_are_told_names_and_the_vendors_ports(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "PORT_OFFSET=100", "DREMIO_PORT=1234")
    seen = inside(settings)
    assert seen.s3_endpoint == "minio:9000"
    assert seen.flight_uri == "grpc://dremio:32010"
    assert "@postgres:5432/shop" in seen.postgres_dsn("shop")
    assert seen.admin_password == settings.admin_password
    assert published(settings)["DREMIO_PORT"] == "1234"
    assert published(settings)["POSTGRES_PORT"] == "5532"


def test_two_homes_are_two_projects(tmp_path: Path) -> None:
    names = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        names.add(compose_runtime._project(settings_with(tmp_path / name)))
    assert len(names) == 2


def test_a_value_is_added_to_env_once(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    assert ensure_value(tmp_path, "COMPOSE_PROJECT_NAME", "one") == "one"
    assert ensure_value(tmp_path, "COMPOSE_PROJECT_NAME", "two") == "one"
    assert (tmp_path / ".env").read_text().count("COMPOSE_PROJECT_NAME") == 1
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("value", "count"), [("65530", 1), ("262144", 0)])
def test_the_kernels_limit_is_checked_where_elasticsearch_runs(
    tmp_path: Path, value: str, count: int
) -> None:
    path = tmp_path / "max_map_count"
    path.write_text(value)
    assert len(checks.check_map_count({"services": {"elasticsearch": {}}}, path)) == count
    assert checks.check_map_count({"services": {}}, path) == []
    ours = {"services": {"elasticsearch": {"build": {"context": "."}}}}
    assert checks.check_map_count(ours, path) == []


@pytest.mark.parametrize(
    ("version", "count"), [(None, 1), ("19.03.1", 1), ("20.10.24+dfsg1", 0), ("28.2.2", 0)]
)
def test_an_engine_must_be_new_enough(
    monkeypatch: pytest.MonkeyPatch, version: str | None, count: int
) -> None:
    monkeypatch.setattr(engine, "engine_version", lambda: version)
    monkeypatch.setattr(engine, "compose_command", lambda: ("docker", "compose"))
    assert len(checks.check_engine()) == count


def test_memory_usage_is_read_as_docker_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = "0123456789ab 145.5MiB / 1GiB\nba9876543210 1.5GiB / 2GiB\n"
    monkeypatch.setattr(compose_runtime, "_docker", lambda *arguments: printed)
    found = compose_runtime._memory(["0123456789abcdef"])
    assert found == {"0123456789ab": int(145.5 * 2**20), "ba9876543210": int(1.5 * 2**30)}


def test_an_image_is_built_from_its_own_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    engine.build_image("own/image:1", {"context": "/here", "dockerfile": "a/file", "target": "one"})
    engine.build_image("own/image:2", {"context": "/here", "dockerfile": "a/file"})
    built = [line for line in (tmp_path / "asked").read_text().splitlines() if "build " in line]
    assert built == [
        "build --tag own/image:1 --file /here/a/file --target one /here",
        "build --tag own/image:2 --file /here/a/file /here",
    ]


def test_the_files_are_resolved_again_only_when_one_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade changes them under a runtime that has read them."""
    asked: list[str] = []

    def run(_self: engine.Compose, *arguments: str) -> str:
        asked.append(arguments[0])
        return f'{{"services": {{}}, "times": {len(asked)}}}'

    monkeypatch.setattr(engine.Compose, "run", run)
    (tmp_path / "compose").mkdir()
    for name in ("docker-compose.yml", "compose/part.yml", ".env"):
        (tmp_path / name).write_text("a: 1\n")
    compose = engine.Compose(tmp_path, tmp_path / ".env", {})
    assert [compose.model()["times"], compose.model()["times"]] == [1, 1]
    (tmp_path / "compose" / "part.yml").write_text("a: 22\n")
    assert compose.model()["times"] == 2
    (tmp_path / ".env").write_text("B=33\n")
    assert [compose.model()["times"], compose.model()["times"]] == [3, 3]


def test_compose_is_quoted_without_what_went_well() -> None:
    told = (
        " Container x-dremio-1 Creating \n Network x_lake Created \n Container x-a-1 Error broken\n"
        "dependency failed to start: container x-dremio-1 is unhealthy\n"
    )
    assert engine._reasons(told).splitlines() == [
        " Container x-a-1 Error broken",
        "dependency failed to start: container x-dremio-1 is unhealthy",
    ]
