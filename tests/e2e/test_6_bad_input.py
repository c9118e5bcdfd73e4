"""What a user may get wrong: each a clear error, its exit code, and nothing half-visible."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from services.common.errors import ConfigError, NotFoundError, PermanentError, RefusedError
from services.common.settings import CHECKOUT
from tests.support.flight import read
from tests.support.platform import Home


@pytest.fixture
def definition(platform: Home) -> Iterator[dict]:  # type: ignore[type-arg]
    """The platform's own lakelet.yml, to be changed; put back and applied afterwards."""
    path = platform.folder / "lakelet.yml"
    yield yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    path.unlink(missing_ok=True)
    assert platform.lakelet("apply").returncode == 0


def apply(platform: Home, definition: dict) -> tuple[int, str]:  # type: ignore[type-arg]
    (platform.folder / "lakelet.yml").write_text(yaml.safe_dump(definition))
    result = platform.lakelet("apply")
    return result.returncode, result.stderr


def test_a_wrong_password_is_named(platform: Home, definition: dict) -> None:  # type: ignore[type-arg]
    definition["sources"]["shop"]["configuration"]["password"] = "not the password"
    code, words = apply(platform, definition)
    assert code == PermanentError.exit_code
    assert "source 'shop'" in words
    assert "password" in words
    assert "not the password" not in words


def test_a_source_that_is_down_is_named(platform: Home, definition: dict) -> None:  # type: ignore[type-arg]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        definition["sources"]["shop"]["configuration"]["port"] = probe.getsockname()[1]
        code, words = apply(platform, definition)
    assert code == PermanentError.exit_code
    assert "source 'shop'" in words


def test_an_unknown_stream_lists_those_there_are(platform: Home, definition: dict) -> None:  # type: ignore[type-arg]
    streams = definition["connections"]["shop"]["streams"]
    streams["odrers"] = streams.pop("orders")
    code, words = apply(platform, definition)
    assert code == NotFoundError.exit_code
    assert "'odrers'" in words
    assert "customers, orders" in words


def test_an_unknown_connection_lists_those_there_are(platform: Home) -> None:
    result = platform.lakelet("sync", "shpo")
    assert result.returncode == NotFoundError.exit_code
    assert "'shpo'" in result.stderr
    assert "shop" in result.stderr


def test_a_malformed_csv_line_is_named_and_bronze_stays_as_it_was(platform: Home) -> None:
    path = platform.settings.inbox_dir / "nycflights" / "flights.csv"
    kept = path.with_suffix(".kept")
    count = "SELECT COUNT(*) AS n FROM bronze.nycflights.flights"
    before = read(platform.settings, count)["n"][0].as_py()
    shutil.copy(path, kept)
    try:
        lines = path.read_text().splitlines(keepends=True)
        lines[1000] = "2013,1,2,not,enough,fields\n"
        path.write_text("".join(lines))
        result = platform.lakelet("sync", "nycflights")
        assert result.returncode == PermanentError.exit_code
        assert "flights.csv" in result.stderr
        assert "1001" in result.stderr
        assert read(platform.settings, count)["n"][0].as_py() == before
    finally:
        kept.replace(path)
    assert platform.lakelet("sync", "nycflights").returncode == 0


def test_a_statement_that_is_wrong_says_where(platform: Home) -> None:
    result = platform.lakelet("query", "SELECT nothing FROM gold.no_such_table")
    assert result.returncode == PermanentError.exit_code
    assert "no_such_table" in result.stderr


def test_a_port_that_is_taken_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        home = Home(tmp_path / "home", SUPERSET_PORT=str(number))
        result = home.lakelet("up")
    assert result.returncode == RefusedError.exit_code
    assert str(number) in result.stderr
    assert "SUPERSET_PORT" in result.stderr
    assert home.left_over() == []


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    code = (
        "from bootstrap import preflight; preflight.DISK_TO_RUN = 10**18; "
        "from bootstrap.cli import main; import sys; sys.argv[1:] = ['up']; main()"
    )
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-c", code],
        env=home.environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == RefusedError.exit_code
    assert "GB needed" in result.stderr
    assert home.left_over() == []


def test_a_broken_definition_is_a_configuration_error(platform: Home, definition: dict) -> None:  # type: ignore[type-arg]
    definition["layer"] = {}
    code, words = apply(platform, definition)
    assert code == ConfigError.exit_code
    assert "layer" in words
