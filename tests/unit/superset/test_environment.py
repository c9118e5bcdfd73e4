"""What Superset's process is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bootstrap.environment import ensure_env_file
from services.common.errors import ConfigError
from services.common.settings import read_settings
from services.superset.environment import superset_command, superset_environment


def test_environment_carries_the_settings_and_nothing_of_the_platforms_python(
    tmp_path: Path,
) -> None:
    ensure_env_file(tmp_path)
    settings = read_settings(tmp_path)
    told = superset_environment(settings, {"PATH": "/bin", "VIRTUAL_ENV": "/x", "FLASK_DEBUG": "1"})
    assert told["LAKELET_DATABASE_URI"] == settings.postgres_dsn("superset")
    assert told["LAKELET_BIND"] == f"127.0.0.1:{settings.superset_port}"
    assert told["LAKELET_ADMIN_PASSWORD"] == settings.admin_password.get_secret_value()
    assert told["PATH"] == "/bin"
    assert "VIRTUAL_ENV" not in told
    assert "FLASK_DEBUG" not in told
    assert Path(told["SUPERSET_CONFIG_PATH"]).is_file()
    folder = Path(told["LAKELET_DATA_DIR"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_missing_installation_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"looked for gunicorn in .*make up"):
        superset_command(tmp_path)
