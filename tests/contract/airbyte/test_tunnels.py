"""Databases behind a jump server, as `tunnel_method` of Airbyte's sources has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.common.waiting import wait_until
from tests.contract.airbyte.client import MYSQL, POSTGRES, Airbyte, rows
from tests.contract.airbyte.test_cdc import DEDUP, Cdc
from tests.support.jump_server import HIDDEN, PASSWORD, USER, JumpServer, jump_server
from tests.support.mariadb import MariaDB

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def jump(airbyte: Airbyte) -> Iterator[JumpServer]:
    with airbyte.shop() as db:
        db.execute("CREATE TABLE behind AS SELECT i AS id FROM generate_series(1, 5000) i")
    with jump_server(airbyte.settings.postgres_port) as server:
        yield server


def tunnel(jump: JumpServer, **changes: Any) -> Json:
    """The tunnel's settings with a password; with a key when `ssh_key` is given."""
    method = "SSH_KEY_AUTH" if "ssh_key" in changes else "SSH_PASSWORD_AUTH"
    secret = {} if "ssh_key" in changes else {"tunnel_user_password": PASSWORD}
    return {
        "tunnel_method": method,
        "tunnel_host": "127.0.0.1",
        "tunnel_port": jump.port,
        "tunnel_user": USER,
        **secret,
        **changes,
    }


def hidden(airbyte: Airbyte, tunnel_method: Json) -> Json:
    return airbyte.postgres_config(host=HIDDEN, port=5432, tunnel_method=tunnel_method)


@pytest.mark.parametrize("way", ["password", "key"])
def test_a_sync_goes_through_the_tunnel(airbyte: Airbyte, jump: JumpServer, way: str) -> None:
    method = tunnel(jump, ssh_key=jump.key) if way == "key" else tunnel(jump)
    before = len(jump.passed)
    source = airbyte.source(hidden(airbyte, method))
    assert airbyte.post("sources/check_connection", sourceId=source)["status"] == "succeeded"
    shown = airbyte.post("sources/get", sourceId=source)["connectionConfiguration"]
    assert jump.key not in str(shown)
    assert PASSWORD not in str(shown)
    connection = airbyte.connect(source, f"behind_{way}", {"behind": FULL})
    airbyte.sync(connection)
    query = f"SELECT count(*), sum(id) FROM bronze.behind_{way}.behind"
    assert rows(airbyte.settings, query) == [(5000, 12_502_500)]
    assert set(jump.passed[before:]) == {(HIDDEN, 5432)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tunnel_user_password": "wrong"}, "set tunnel_user"),
        ({"ssh_key": "no key"}, "set ssh_key"),
        ({"tunnel_port": 1}, "tunnel_port"),
    ],
)
def test_what_is_wrong_is_said(
    airbyte: Airbyte, jump: JumpServer, changes: Json, words: str
) -> None:
    source = airbyte.source(hidden(airbyte, tunnel(jump, **changes)))
    answer = airbyte.post("sources/check_connection", sourceId=source)
    assert answer["status"] == "failed"
    assert words in answer["message"]
    assert "wrong" not in answer["message"]


def test_mysql_has_the_same_tunnel(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE behind (id int PRIMARY KEY)", "INSERT INTO behind VALUES (1), (2), (3)"
    )
    with jump_server(mysql.port) as jump:
        method = tunnel(jump, ssh_key=jump.key)
        config = mysql.config(host=HIDDEN, port=3306, tunnel_method=method)
        source = airbyte.source(config, MYSQL, "mysql behind")
        connection = airbyte.connect(source, "behind_mysql", {"behind": FULL})
        airbyte.sync(connection)
        assert set(jump.passed) == {(HIDDEN, 3306)}
    query = "SELECT id FROM bronze.behind_mysql.behind ORDER BY 1"
    assert rows(airbyte.settings, query) == [(1,), (2,), (3,)]


def outlives_a_cut(
    airbyte: Airbyte,
    jump: JumpServer,
    name: str,
    source: str,
    change: Callable[[int], Any],
) -> None:
    """Changes come through the tunnel, and after it broke those made meanwhile come, too."""
    connection = airbyte.connect(source, name, {name: DEDUP}, continuous={"every": 0.2})

    def seen(wanted: list[Any]) -> None:
        def now() -> bool:
            told = airbyte.post("connections/get", connectionId=connection)
            return "upToDateAt" in told["continuousStatus"] and wanted == rows(
                airbyte.settings, f"SELECT id, v FROM bronze.{name}.{name} ORDER BY id"
            )

        wait_until(now, seconds=60, what=f"{name}: {wanted}")

    try:
        seen([(1, 0), (2, 0)])
        change(1)
        seen([(1, 0), (2, 1)])
        wait_until(lambda: jump.cut() > 0, seconds=60, what="an open tunnel")
        change(2)
        seen([(1, 0), (2, 2)])
        assert set(jump.passed) == {(HIDDEN, 9999)}
    finally:
        airbyte.post("connections/delete", connectionId=connection)


def test_postgresqls_log_comes_through_the_tunnel(airbyte: Airbyte) -> None:
    cdc = Cdc(airbyte, "log_behind", "CREATE TABLE log_behind (id int PRIMARY KEY, v int)")
    cdc.db.execute("INSERT INTO log_behind VALUES (1, 0), (2, 0)")
    with jump_server(airbyte.settings.postgres_port) as jump:
        config = {
            **cdc.config(),
            "host": HIDDEN,
            "port": 9999,
            "tunnel_method": tunnel(jump, ssh_key=jump.key),
        }
        source = airbyte.source(config, POSTGRES, "log behind")
        outlives_a_cut(
            airbyte,
            jump,
            "log_behind",
            source,
            lambda v: cdc.db.execute("UPDATE log_behind SET v = %s WHERE id = 2", [v]),
        )
    cdc.close()


def test_mysqls_log_comes_through_the_tunnel(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE binlog_behind (id int PRIMARY KEY, v int)",
        "INSERT INTO binlog_behind VALUES (1, 0), (2, 0)",
    )
    with jump_server(mysql.port) as jump:
        config = mysql.config(
            host=HIDDEN,
            port=9999,
            tunnel_method=tunnel(jump),
            replication_method={"method": "CDC"},
        )
        source = airbyte.source(config, MYSQL, "binlog behind")
        outlives_a_cut(
            airbyte,
            jump,
            "binlog_behind",
            source,
            lambda v: mysql.execute(f"UPDATE binlog_behind SET v = {v} WHERE id = 2"),
        )
