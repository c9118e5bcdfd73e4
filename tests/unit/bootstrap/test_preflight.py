from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bootstrap import preflight
from services.common.ports import PORTS
from tests.support.ports import free_ports


def environment(**extra: str) -> dict[str, str]:
    return {**{k: str(v) for k, v in free_ports().items()}, **extra}


def test_free_ports_are_no_problem() -> None:
    assert preflight.check_ports(environment()) == []


def test_a_taken_port_names_its_holder_and_the_setting_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        (problem,) = preflight.check_ports(environment(DREMIO_PORT=str(number)))
    assert str(number) in problem.message
    assert f"(pid {os.getpid()})" in problem.message
    assert "DREMIO_PORT" in problem.message


def test_the_port_above_the_maintenance_port_counts_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        ports = environment(STORAGE_ADMIN_PORT=str(number - 10_000))
        messages = [p.message for p in preflight.check_ports(ports)]
    assert any(str(number) in m and "STORAGE_ADMIN_PORT" in m for m in messages)


def test_two_settings_with_one_port_are_named() -> None:
    ports = environment()
    ports["S3_PORT"] = ports["ICEBERG_PORT"]
    (problem,) = preflight.check_ports(ports)
    assert "S3_PORT" in problem.message
    assert "ICEBERG_PORT" in problem.message


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_what_is_no_port_number_is_refused(value: str) -> None:
    (problem,) = preflight.check_ports(environment(S3_PORT=value))
    assert "S3_PORT" in problem.message


def test_too_little_disk_says_how_much_is_needed(tmp_path: Path) -> None:
    (problem,) = preflight.check_disk(tmp_path, 10**18)
    assert "1000000000.0 GB needed" in problem.message
    assert preflight.check_disk(tmp_path, 1) == []


def test_too_little_memory_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MEMORY", 10**18)
    (problem,) = preflight.check_memory()
    assert "GB of memory available" in problem.message


def test_an_old_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PYTHON", (99, 0))
    (problem,) = preflight.check_python()
    assert "99.0 or newer" in problem.message


def test_env_file_lines_are_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nS3_PORT=1\nDREMIO_PORT='2'\nbroken line\n")
    monkeypatch.setenv("S3_PORT", "3")
    values = preflight.read_env_file(file)
    assert (values["S3_PORT"], values["DREMIO_PORT"]) == ("3", "2")


def test_a_home_that_is_not_there_yet_can_be_made(tmp_path: Path) -> None:
    assert preflight.check_home(tmp_path) == []
    assert preflight.check_home(tmp_path / "not" / "yet") == []


def test_a_home_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "below"):
        (problem,) = preflight.check_home(home)
        assert str(home) in problem.message
        assert "LAKELET_HOME" in problem.message


def test_a_port_of_an_outgoing_connection_is_called_that() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert "outgoing connection" in preflight.holder(client.getsockname()[1])
        assert f"(pid {os.getpid()})" in preflight.holder(server.getsockname()[1])


def test_no_default_port_is_among_those_that_outgoing_connections_get() -> None:
    first = 32768  # Linux' net.ipv4.ip_local_port_range
    assert all(port.default + port.companion < first for port in PORTS)
