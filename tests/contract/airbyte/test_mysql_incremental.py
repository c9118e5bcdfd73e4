"""Incremental reading of a real MariaDB: late, tied and changed rows come once, none is lost."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.contract.airbyte.client import MYSQL, Airbyte, Json, rows
from tests.support.mariadb import DATABASE, MariaDB

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}


def connect(airbyte: Airbyte, mysql: MariaDB, name: str, mode: Json, cursor: str) -> str:
    source = airbyte.source(mysql.config(), MYSQL, "mysql")
    return airbyte.connect(source, f"inc_{name}", {name: {**mode, "cursorField": [cursor]}})


def brought(airbyte: Airbyte, connection: str) -> int:
    return int(airbyte.sync(connection)["job"]["aggregatedStats"]["recordsCommitted"])


def ids(airbyte: Airbyte, name: str) -> list[int]:
    found = rows(airbyte.settings, f"SELECT id FROM bronze.inc_{name}.{name} ORDER BY id")
    return [row[0] for row in found]


def test_late_tied_and_changed_rows_come_once(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE late (id int PRIMARY KEY, at datetime, v text)",
        "INSERT INTO late VALUES (1, '2024-01-01 10:00:00', 'a'), (2, '2024-01-01 10:00:05', 'b')",
    )
    connection = connect(airbyte, mysql, "late", APPEND, "at")
    with closing(mysql.root(database=DATABASE)) as slow, slow.cursor() as cursor:
        slow.begin()
        cursor.execute("INSERT INTO late VALUES (3, '2024-01-01 10:00:03', 'open')")
        assert brought(airbyte, connection) == 2
        assert brought(airbyte, connection) == 0
        slow.commit()
    # 3 was open with a passed value; 4 shares the last value; 2 changes and keeps its value.
    mysql.execute(
        "INSERT INTO late VALUES (4, '2024-01-01 10:00:05', 'tied')",
        "UPDATE late SET v = 'changed' WHERE id = 2",
    )
    assert brought(airbyte, connection) == 3
    assert ids(airbyte, "late") == [1, 2, 2, 3, 4]
    mysql.execute("INSERT INTO late VALUES (5, '2024-01-02', 'next'), (6, NULL, 'never')")
    assert brought(airbyte, connection) == 1
    assert brought(airbyte, connection) == 0
    assert ids(airbyte, "late") == [1, 2, 2, 3, 4, 5]


def test_a_new_column_does_not_bring_rows_again(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE grows (id bigint PRIMARY KEY, v text)",
        "INSERT INTO grows SELECT seq, seq FROM seq_1_to_2000",
    )
    connection = connect(airbyte, mysql, "grows", APPEND, "id")
    assert brought(airbyte, connection) == 2000
    mysql.execute(
        "ALTER TABLE grows ADD COLUMN w int DEFAULT 7",
        "INSERT INTO grows SELECT seq, seq, seq FROM seq_2001_to_2600",
    )
    assert brought(airbyte, connection) == 600
    mysql.execute("DELETE FROM grows WHERE id > 2500", "INSERT INTO grows VALUES (2550, 'new', 1)")
    assert brought(airbyte, connection) == 1
    assert brought(airbyte, connection) == 0
    assert sorted(ids(airbyte, "grows")) == sorted([*range(1, 2601), 2550])


def test_more_equal_values_than_can_be_told_apart(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE equal (id int PRIMARY KEY, day date)",
        "INSERT INTO equal SELECT seq, '2024-01-01' FROM seq_1_to_700",
    )
    connection = connect(airbyte, mysql, "equal", DEDUP, "day")
    assert brought(airbyte, connection) == 700
    assert brought(airbyte, connection) == 0
    mysql.execute("INSERT INTO equal VALUES (701, '2024-01-01')")
    assert brought(airbyte, connection) == 701
    mysql.execute("INSERT INTO equal VALUES (702, '2024-01-02')")
    assert brought(airbyte, connection) == 1
    assert ids(airbyte, "equal") == list(range(1, 703))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("decimal(30,10)", ["12345678901234567890.0000000001", "12345678901234567890.0000000002"]),
        ("bigint unsigned", ["18446744073709551614", "18446744073709551615"]),
        ("varchar(20)", ["a\\'b", "a\\'c"]),
        ("timestamp(6) NULL", ["2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.000002"]),
        ("double", ["0.1", "0.30000000000000004"]),
        ("time", ["-100:00:00", "100:00:00"]),
    ],
    ids=lambda value: value.split("(")[0].split()[0] if isinstance(value, str) else "",
)
def test_cursors_of_every_kind(
    airbyte: Airbyte, mysql: MariaDB, kind: str, values: list[str]
) -> None:
    name = "cursor_" + kind.split("(")[0].replace(" ", "_")
    mysql.execute(
        f"CREATE TABLE {name} (id int PRIMARY KEY, c {kind})",
        f"INSERT INTO {name} VALUES (1, '{values[0]}')",
    )
    connection = connect(airbyte, mysql, name, APPEND, "c")
    assert brought(airbyte, connection) == 1
    mysql.execute(f"INSERT INTO {name} VALUES (2, '{values[1]}')")
    assert brought(airbyte, connection) == 1
    assert brought(airbyte, connection) == 0
    assert ids(airbyte, name) == [1, 2]


def test_a_table_that_is_empty_at_first(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute("CREATE TABLE empty (id int PRIMARY KEY, at datetime)")
    connection = connect(airbyte, mysql, "empty", APPEND, "at")
    assert brought(airbyte, connection) == 0
    mysql.execute("INSERT INTO empty VALUES (1, '2024-01-01')")
    assert brought(airbyte, connection) == 1
    assert brought(airbyte, connection) == 0
