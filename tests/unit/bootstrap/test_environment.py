from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.environment import (
    GENERATED,
    GENERATED_FOR_COMPOSE,
    ensure_env_file,
    keep_given,
    set_values,
)
from services.common.errors import ConfigError
from services.common.settings import read_settings


def test_every_secret_is_generated_once_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    assert ensure_env_file(tmp_path) == [*GENERATED, *GENERATED_FOR_COMPOSE]
    first = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert ensure_env_file(tmp_path) == []
    assert (tmp_path / ".env").read_text() == first
    values = [line.partition("=")[2] for line in first.splitlines()]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 for value in values)


def test_what_the_user_set_stays_and_an_open_file_is_closed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ADMIN_PASSWORD=my own password\nDREMIO_PORT=1234")
    file.chmod(0o644)
    added = ensure_env_file(tmp_path)
    assert "ADMIN_PASSWORD" not in added
    settings = read_settings(tmp_path)
    assert settings.admin_password.get_secret_value() == "my own password"
    assert settings.dremio_port == 1234
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_home_without_settings_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make up"):
        read_settings(tmp_path)


def test_a_missing_secret_says_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ADMIN_USER=me\n")
    with pytest.raises(ConfigError, match=r"ADMIN_PASSWORD.*\.env.*lakelet init"):
        read_settings(tmp_path)


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    file = tmp_path / ".env"
    file.write_text(file.read_text() + "ADMIN_PASSWORD=short\n")
    with pytest.raises(ConfigError, match="ADMIN_PASSWORD"):
        read_settings(tmp_path)


@pytest.mark.parametrize("name", ["ADMIN_PASSWORD", "KIBANA_PASSWORD", "MINIO_ROOT_PASSWORD"])
@pytest.mark.parametrize("value", ["changeme", "MinioAdmin"])
def test_a_password_that_everybody_knows_is_refused(tmp_path: Path, name: str, value: str) -> None:
    ensure_env_file(tmp_path)
    with (tmp_path / ".env").open("a") as env:
        env.write(f"{name}={value}\n")
    for refusing in (ensure_env_file, read_settings):
        if refusing is read_settings and name == "KIBANA_PASSWORD":
            continue  # no service of ours reads it
        with pytest.raises(ConfigError, match=f"{name}.*everybody knows") as told:
            refusing(tmp_path)
        assert value not in str(told.value)


def test_port_offset_moves_every_port_that_is_not_set(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    file = tmp_path / ".env"
    file.write_text(file.read_text() + "PORT_OFFSET=100\nS3_PORT=9999\n")
    settings = read_settings(tmp_path)
    assert (settings.dremio_port, settings.s3_port) == (9147, 9999)


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    settings = read_settings(tmp_path)
    assert settings.admin_password.get_secret_value() not in repr(settings)


def test_the_example_documents_every_setting() -> None:
    from services.common.ports import PORTS
    from services.common.settings import CHECKOUT, Settings

    example = (CHECKOUT / ".env.example").read_text()
    names = {name.upper() for name in Settings.model_fields} | {p.setting for p in PORTS}
    missing = sorted(n for n in names - {"LAKELET_HOME"} if f"{n}=" not in example)
    assert missing == []


def test_what_one_command_was_given_holds_for_the_next(tmp_path: Path) -> None:
    ensure_env_file(tmp_path)
    with (tmp_path / ".env").open("a") as file:
        file.write("S3_PORT=9999\n")
    given = {"PORT_OFFSET": "100", "S3_PORT": "1", "MONITORING": "", "HOME": "/home/me"}
    assert keep_given(tmp_path, given) == ["PORT_OFFSET=100"]
    assert keep_given(tmp_path, given) == []
    settings = read_settings(tmp_path)
    assert (settings.dremio_port, settings.s3_port) == (9147, 9999)


def test_values_that_change_replace_their_lines_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# A=0\nA=1\nexport B=2\nC='x y'\n")
    assert set_values(tmp_path, {"A": "1", "B": "3", "D": "4", "E": ""}) == ["B", "D"]
    assert file.read_text() == "# A=0\nA=1\nC='x y'\nB=3\nD=4\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert set_values(tmp_path, {"D": "", "A": "1"}) == ["D"]
    assert file.read_text() == "# A=0\nA=1\nC='x y'\nB=3\n"
