"""A real MariaDB read through its binary log."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import pymysql
import pytest

from bootstrap.clients.dremio import Dremio
from bootstrap.platform_file import Platform, Reconciliation, Source, SourceHop
from bootstrap.reconcile import Hop, reconcile
from services.common.waiting import wait_until
from tests.contract.airbyte.client import MYSQL, Airbyte, Json, rows
from tests.contract.airbyte.test_mysql_reading import TYPES, VALUES
from tests.support.mariadb import DATABASE, MariaDB

CDC = {"method": "CDC"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}


def source(airbyte: Airbyte, mysql: MariaDB, **method: Any) -> str:
    config = mysql.config(replication_method={**CDC, **method})
    return airbyte.source(config, MYSQL, "mysql cdc")


def connect(airbyte: Airbyte, mysql: MariaDB, name: str, streams: Json, **fields: Any) -> str:
    return airbyte.connect(source(airbyte, mysql), name, streams, **fields)


@pytest.fixture(autouse=True)
def _plain_log(mysql: MariaDB) -> None:
    mysql.execute("SET GLOBAL binlog_row_metadata = NO_LOG")


def test_the_log_gives_the_same_values_as_the_snapshot(airbyte: Airbyte, mysql: MariaDB) -> None:
    table, values = (
        TYPES.replace("types (", "both_ways ("),
        VALUES.replace("types (", "both_ways ("),
    )
    odd = (
        "INSERT INTO both_ways (id, da, dt, ts, t, e, y, de, du, f, v, u, ip) VALUES ({},"
        " '0000-00-00', '2024-02-31 10:00:00', '0000-00-00', '-100:00:00.5', '', 0, 0, 0.001,"
        " -1.5, NULL, '01890f3c-5c1a-7cc3-98c4-dc0c0c07398f', '::ffff:10.0.0.0')"
    )
    mode = "SET sql_mode = 'ALLOW_INVALID_DATES'"
    wide = "ALTER TABLE both_ways ADD wide varchar(9) CHARACTER SET utf16 INVISIBLE DEFAULT 'é日😀'"
    mysql.execute("SET time_zone = '+02:00'", table, wide, values, mode, odd.format(2))
    connection = connect(airbyte, mysql, "cdc_types", {"both_ways": DEDUP})
    airbyte.sync(connection)
    mysql.execute("SET time_zone = '+02:00'", values.replace("(1, -128", "(11, -128"), mode,
                  odd.format(12))  # fmt: skip
    airbyte.sync(connection)
    names = [
        row[0]
        for row in rows(airbyte.settings, "DESCRIBE bronze.cdc_types.both_ways")
        if row[0] != "id" and not row[0].startswith("_")
    ]
    assert len(names) > 40
    listing = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    found = rows(airbyte.settings, f"SELECT {listing}, id FROM bronze.cdc_types.both_ways")
    by_id = {row[-1]: row[:-1] for row in found}
    for number, name in enumerate(names):
        values = {key: row[number] for key, row in by_id.items()}
        assert values[1] == values[11], name
        assert values[2] == values[12], name
        assert name != "wide" or values[11] == "é日😀"
    noted = rows(
        airbyte.settings,
        "SELECT id, list_sort([x.field FOR x IN _airbyte_meta.changes])"
        " FROM bronze.cdc_types.both_ways ORDER BY id",
    )
    odd_ones = ["da", "dt", "t", "ts"]
    assert noted == [(1, []), (2, odd_ones), (11, []), (12, odd_ones)]


def test_inserts_updates_deletes_and_truncates(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE moves (id int PRIMARY KEY, v text)",
        "INSERT INTO moves SELECT seq, seq FROM seq_1_to_10",
    )
    kept = connect(airbyte, mysql, "cdc_kept", {"moves": DEDUP})
    history = connect(airbyte, mysql, "cdc_history", {"moves": APPEND})
    for connection in (kept, history):
        airbyte.sync(connection)
    with closing(mysql.root(database=DATABASE)) as db, db.cursor() as cursor:
        db.begin()
        cursor.execute("UPDATE moves SET v = 'changed' WHERE id = 1")
        cursor.execute("UPDATE moves SET id = 100 WHERE id = 2")
        cursor.execute("DELETE FROM moves WHERE id = 3")
        cursor.execute("INSERT INTO moves VALUES (11, 'new')")
        db.commit()
        db.begin()
        cursor.execute("INSERT INTO moves VALUES (12, 'never')")
        db.rollback()
    for connection in (kept, history):
        airbyte.sync(connection)
    now = rows(airbyte.settings, "SELECT id, v FROM bronze.cdc_kept.moves ORDER BY id")
    assert now == mysql.execute("SELECT id, v FROM moves ORDER BY id")
    told = rows(
        airbyte.settings,
        "SELECT id, v, _ab_cdc_deleted_at IS NOT NULL, _ab_cdc_log_file LIKE 'binlog.%',"
        " _ab_cdc_cursor % 4294967296 = _ab_cdc_log_pos, _ab_cdc_updated_at LIKE '20__-__-__T%Z'"
        " FROM bronze.cdc_history.moves ORDER BY _ab_cdc_cursor, id",
    )
    assert [row[:3] for row in told[10:]] == [
        (1, "changed", False),
        (2, "2", True),
        (100, "2", False),
        (3, "3", True),
        (11, "new", False),
    ]
    assert all(row[3:] == (True, True, True) for row in told)
    mysql.execute("TRUNCATE TABLE moves", "INSERT INTO moves VALUES (5, 'after')")
    airbyte.sync(kept)
    assert rows(airbyte.settings, "SELECT id, v FROM bronze.cdc_kept.moves") == [(5, "after")]
    again = airbyte.sync(kept)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 0


def test_columns_that_come_change_and_go_in_mid_stream(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "SET GLOBAL binlog_row_metadata = FULL",
        "CREATE TABLE alters (id int PRIMARY KEY, n int, gone text, e enum('a', 'b'))",
        "INSERT INTO alters VALUES (1, 1, 'x', 'b')",
    )
    fields = {"nonBreakingChangesPreference": "propagate_columns"}
    connection = connect(airbyte, mysql, "cdc_alters", {"alters": DEDUP}, **fields)
    airbyte.sync(connection)
    mysql.execute(
        "INSERT INTO alters VALUES (2, 2, 'y', 'a')",
        "ALTER TABLE alters ADD COLUMN more decimal(8,2) FIRST, MODIFY n bigint",
        "INSERT INTO alters (id, n, gone, more, e) VALUES (3, 5000000000, 'z', 1.5, 'b')",
        "ALTER TABLE alters DROP COLUMN gone, MODIFY e enum('b', 'c', 'a')",
        "INSERT INTO alters (id, n, more, e) VALUES (4, 6000000000, 2.5, 'c')",
        "UPDATE alters SET n = n + 1 WHERE id = 1",
    )
    airbyte.sync(connection)
    names = "id, n, more, e"
    found = rows(airbyte.settings, f"SELECT {names} FROM bronze.cdc_alters.alters ORDER BY id")
    assert found == mysql.execute(f"SELECT {names} FROM alters ORDER BY id")


def test_what_happens_to_a_table_as_a_whole(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "SET GLOBAL binlog_row_metadata = FULL",
        "CREATE TABLE anew (id int PRIMARY KEY)",
        "INSERT INTO anew VALUES (1), (2)",
        "CREATE TABLE stated LIKE anew",
        "CREATE TABLE going LIKE anew",
        "INSERT INTO going VALUES (1)",
        "CREATE TABLE sets (id int PRIMARY KEY, a varchar(9) CHARACTER SET utf16,"
        " b char(9) CHARACTER SET ucs2, c text CHARACTER SET koi8r,"
        " e enum('ä', '€') CHARACTER SET cp1250, s set('ä', 'ö') CHARACTER SET latin1)",
        "INSERT INTO sets VALUES (1, 'ä漢😀', 'äß', 'привет', '€', 'ä,ö')",
    )
    tables = dict.fromkeys(("anew", "stated", "going", "sets"), DEDUP)
    connection = connect(airbyte, mysql, "cdc_whole", tables)
    airbyte.sync(connection)
    mysql.execute(
        "DROP TABLE IF EXISTS nothing, anew",
        "CREATE TABLE anew (id int PRIMARY KEY)",
        "INSERT INTO anew VALUES (3)",
        "CREATE OR REPLACE TABLE anew (id int PRIMARY KEY)",
        "INSERT INTO anew VALUES (4)",
        "INSERT INTO sets SELECT 2, a, b, c, e, s FROM sets",
    )
    airbyte.sync(connection)
    for name, columns in (("anew", "id"), ("sets", "id, a, b, c, e, s")):
        found = rows(airbyte.settings, f"SELECT {columns} FROM bronze.cdc_whole.{name} ORDER BY id")
        assert found == mysql.execute(f"SELECT {columns} FROM {name} ORDER BY id")
    # Dropped for good: what was read stays.
    mysql.execute("DROP TABLE going")
    mysql.execute("SET binlog_format = STATEMENT", "INSERT INTO stated VALUES (5)")
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "a statement about stated in place of its rows" in failure["externalMessage"]
    assert rows(airbyte.settings, "SELECT id FROM bronze.cdc_whole.going") == [(1,)]


def test_tables_whose_log_cannot_be_followed_are_refused(airbyte: Airbyte, mysql: MariaDB) -> None:
    """History is in the log as rows are, and compressed columns as the server keeps them."""
    mysql.execute("SET GLOBAL binlog_row_metadata = FULL")
    for name, without, with_it, words in (
        (
            "versioned",
            "ALTER TABLE versioned DROP SYSTEM VERSIONING",
            "ALTER TABLE versioned ADD SYSTEM VERSIONING",
            "system-versioned",
        ),
        (
            "squeezed",
            "ALTER TABLE squeezed MODIFY v text",
            "ALTER TABLE squeezed MODIFY v text COMPRESSED",
            "column v of table squeezed compressed",
        ),
    ):
        mysql.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, v text)")
        connection = connect(airbyte, mysql, f"cdc_{name}", {name: DEDUP})
        mysql.execute(with_it, f"INSERT INTO {name} VALUES (1, repeat('a', 300)), (2, 'b')")
        by_name = {e["stream"]["name"]: e for e in airbyte.catalog(source(airbyte, mysql))}
        assert by_name[name]["stream"]["supportedSyncModes"] == ["full_refresh"]
        failure = airbyte.failure(connection)
        assert failure["failureType"] == "config_error"
        assert words in failure["externalMessage"]
        mysql.execute(without)
        airbyte.sync(connection)
        mysql.execute(f"UPDATE {name} SET v = 'c' WHERE id = 1", f"DELETE FROM {name} WHERE id=2")
        airbyte.sync(connection)
        found = rows(airbyte.settings, f"SELECT id, v FROM bronze.cdc_{name}.{name}")
        assert found == [(1, "c")]
        if name == "versioned":  # between two syncs
            mysql.execute(with_it, "DELETE FROM versioned", without)
            words = "versioned was system-versioned for a while"
            assert words in airbyte.failure(connection)["externalMessage"]
        mysql.execute(f"DROP TABLE {name}")


def test_changes_that_the_server_could_not_log_are_told(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE unlogged (id int PRIMARY KEY, v text) ENGINE = MyISAM",
        "INSERT INTO unlogged VALUES (0, 'first')",
    )
    connection = connect(airbyte, mysql, "cdc_unlogged", {"unlogged": DEDUP})
    airbyte.sync(connection)
    (before,) = mysql.execute("SELECT @@GLOBAL.max_binlog_stmt_cache_size")[0]
    mysql.execute("SET GLOBAL max_binlog_stmt_cache_size = 4096")
    try:
        with pytest.raises(pymysql.MySQLError, match="max_binlog_stmt_cache_size"):
            mysql.execute("INSERT INTO unlogged SELECT seq, repeat('x', 900) FROM seq_1_to_3000")
    finally:
        mysql.execute(f"SET GLOBAL max_binlog_stmt_cache_size = {before}")
    assert mysql.execute("SELECT count(*) > 1 FROM unlogged") == [(1,)]
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "a gap: the server could not log some changes" in failure["externalMessage"]
    airbyte.sync(connection, "reset")
    airbyte.sync(connection)
    found = rows(airbyte.settings, "SELECT count(*) FROM bronze.cdc_unlogged.unlogged")
    assert found == mysql.execute("SELECT count(*) FROM unlogged")
    mysql.execute("DROP TABLE unlogged")


def test_an_altered_meaning_is_refused_where_the_log_names_no_columns(
    airbyte: Airbyte, mysql: MariaDB
) -> None:
    mysql.execute("CREATE TABLE meant (id int PRIMARY KEY, e enum('a', 'b'))")
    connection = connect(airbyte, mysql, "cdc_meant", {"meant": DEDUP})
    airbyte.sync(connection)
    mysql.execute(
        "INSERT INTO meant VALUES (1, 'b')",
        "ALTER TABLE meant MODIFY e enum('x', 'a', 'b')",
        "INSERT INTO meant VALUES (2, 'b')",
    )
    failure = airbyte.failure(connection)
    assert "table meant was altered after changes" in failure["externalMessage"]
    assert "binlog_row_metadata = FULL" in failure["externalMessage"]
    assert rows(airbyte.settings, "SELECT id FROM bronze.cdc_meant.meant") == []


def test_a_purged_log_is_explained_and_read_anew_only_when_asked(
    airbyte: Airbyte, mysql: MariaDB
) -> None:
    mysql.execute("CREATE TABLE purged (id int PRIMARY KEY)", "INSERT INTO purged VALUES (1)")
    made = source(airbyte, mysql)
    connection = airbyte.connect(made, "cdc_purged", {"purged": DEDUP})
    airbyte.sync(connection)
    mysql.execute("INSERT INTO purged VALUES (2)", "FLUSH BINARY LOGS")
    last = mysql.execute("SHOW BINARY LOGS")[-1][0]

    def purged() -> bool:  # not while the sync's connection has the file open
        mysql.execute(f"PURGE BINARY LOGS TO '{last}'")
        return bool(mysql.execute("SHOW BINARY LOGS")[0][0] == last)

    wait_until(purged, seconds=30, what="the log's first file to go")
    mysql.execute("DELETE FROM purged WHERE id = 1")
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "was purged" in failure["externalMessage"]
    assert "connections/reset" in failure["externalMessage"]
    config = mysql.config(
        replication_method={**CDC, "invalid_cdc_cursor_position_behavior": "Re-sync data"}
    )
    airbyte.post("sources/update", sourceId=made, name="mysql", connectionConfiguration=config)
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT id FROM bronze.cdc_purged.purged") == [(2,)]


def test_a_server_that_writes_no_rows_is_told_what_to_set(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute("CREATE TABLE IF NOT EXISTS image (id int PRIMARY KEY)")
    made = source(airbyte, mysql)
    assert airbyte.post("sources/check_connection", sourceId=made)["status"] == "succeeded"
    mysql.execute("SET GLOBAL binlog_row_image = MINIMAL")
    try:
        answer = airbyte.post("sources/check_connection", sourceId=made)
    finally:
        mysql.execute("SET GLOBAL binlog_row_image = FULL")
    assert answer["status"] == "failed"
    assert "SET GLOBAL binlog_row_image = FULL" in answer["message"]


def test_rows_and_money_of_a_table_are_counted(airbyte: Airbyte, mysql: MariaDB) -> None:
    mysql.execute(
        "CREATE TABLE `counted me` (id int PRIMARY KEY, paid decimal(10,2))",
        "INSERT INTO `counted me` VALUES (1, 0.10), (2, 0.20), (3, NULL)",
    )
    source = Source(type="mysql", configuration=mysql.config())
    check = Reconciliation(
        source=SourceHop(of="shop", table=f"{DATABASE}.counted me"), money="paid", hops={}
    )
    platform = Platform.model_construct(sources={"shop": source}, reconcile={"counted": check})
    dremio = Mock(spec=Dremio)  # no hop of this one lies in the lake
    (flow,) = reconcile(platform, airbyte.settings, dremio)
    assert flow.hops == (Hop("source", f"{DATABASE}.counted me", 3, Decimal("0.30")),)
