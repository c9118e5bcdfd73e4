"""Where the parts listen and where they are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.environment import ensure_env_file
from services.common.settings import Settings, read_settings


def settings_with(folder: Path, *lines: str) -> Settings:
    (folder / ".env").write_text("".join(f"{line}\n" for line in lines))
    ensure_env_file(folder)
    return read_settings(folder)


def test_a_part_is_reached_where_it_listens(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "BIND_ADDRESS=192.0.2.7", "S3_PORT=9100")
    assert settings.s3_endpoint == "192.0.2.7:9100"
    assert settings.dremio_url.startswith("http://192.0.2.7:")


@pytest.mark.parametrize("bound", ["0.0.0.0", ""])  # noqa: S104
def test_all_interfaces_are_reached_by_loopback(tmp_path: Path, bound: str) -> None:
    assert settings_with(tmp_path, f"BIND_ADDRESS={bound}").postgres_host == "127.0.0.1"


def test_a_name_replaces_the_address_of_one_part_only(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "BIND_ADDRESS=0.0.0.0", "POSTGRES_HOST=postgres")
    assert "@postgres:5432/shop" in settings.postgres_dsn("shop")
    assert settings.s3_endpoint == "127.0.0.1:9000"
