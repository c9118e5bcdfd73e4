from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bootstrap.environment import ensure_env_file
from bootstrap.platform_file import read_platform
from bootstrap.provision.airbyte import connection_settings
from services.common.errors import ConfigError
from services.common.settings import CHECKOUT, Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ensure_env_file(tmp_path)
    return read_settings(tmp_path)


def write(settings: Settings, **changes: object) -> None:
    document = yaml.safe_load((CHECKOUT / "lakelet.yml").read_text())
    (settings.lakelet_home / "lakelet.yml").write_text(yaml.safe_dump({**document, **changes}))


def test_the_file_that_ships_is_valid_and_filled(settings: Settings) -> None:
    platform = read_platform(settings)
    shop = platform.sources["shop"].configuration
    assert shop["password"] == settings.shop_db_password.get_secret_value()
    assert shop["port"] == settings.postgres_port


def test_an_unknown_variable_says_where_it_was_looked_for(settings: Settings) -> None:
    write(settings, layers={"gold": "/gold/${NOWHERE_SET}"})
    with pytest.raises(ConfigError, match=r"NOWHERE_SET.*environment.*\.env"):
        read_platform(settings)


def test_a_variable_of_the_users_own_is_found_in_env(settings: Settings) -> None:
    with settings.env_file.open("a") as file:
        file.write("OWN_FOLDER=here\n")
    write(settings, layers={"gold": "/gold/${OWN_FOLDER}"})
    assert read_platform(settings).layers["gold"] == "/gold/here"


def test_dates_of_a_configuration_stay_text(settings: Settings) -> None:
    write(settings, description="x")
    path = settings.lakelet_home / "lakelet.yml"
    text = path.read_text().replace("description: x\n", "")
    source = "sources:\n  api: {type: posts, configuration: {start_date: 2024-01-01}}\n"
    path.write_text(text.replace("sources:\n", source, 1))
    assert read_platform(settings).sources["api"].configuration == {"start_date": "2024-01-01"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conections": {}}, "conections: there is no such setting; did you mean connections?"),
        ({"version": 2}, "version"),
        ({"samples": ["nothing"]}, "samples"),
        ({"sources": {}}, "unknown source"),
        (
            {"connections": {"c": {"source": "nowhere", "namespace": "n", "streams": {}}}},
            "connection 'c' names an unknown source 'nowhere'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    settings: Settings, changes: dict[str, object], words: str
) -> None:
    write(settings, **changes)
    with pytest.raises(ConfigError, match=words):
        read_platform(settings)


def test_what_is_no_yaml_is_said_so(settings: Settings) -> None:
    (settings.lakelet_home / "lakelet.yml").write_text("a: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        read_platform(settings)


def test_each_streams_own_namespace_is_left_to_airbyte(settings: Settings) -> None:
    connection = {
        "source": "shop",
        "namespace": "crm_${SOURCE_NAMESPACE}",
        "prefix": "x_",
        "schedule": "0 0 3 * * ?",
        "time_zone": "Europe/Berlin",
        "streams": {},
    }
    write(settings, connections={"shop": connection})
    made = connection_settings(read_platform(settings).connections["shop"])
    assert (made["namespaceFormat"], made["prefix"]) == ("crm_${SOURCE_NAMESPACE}", "x_")
    assert made["scheduleData"]["cron"]["cronTimeZone"] == "Europe/Berlin"
