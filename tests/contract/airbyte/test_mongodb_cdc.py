"""MongoDB's change streams through the sync engine: what lies in bronze, and the states."""

from __future__ import annotations

from typing import Any

from bson import Decimal128, Int64
from bson.datetime_ms import DatetimeMS

from services.common.waiting import wait_until
from tests.contract.airbyte.client import MONGODB, Airbyte, Json, end_continuous, rows
from tests.contract.airbyte.test_mongodb import TYPES
from tests.support.mongo.place import Mongo

APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
ODD: Json = {
    "small": "text", "large": 1.5, "real": Int64(2**60 + 1), "flag": 1, "at": DatetimeMS(-(2**60)),
    "money": Decimal128("NaN"), "raw": "text", "nested": [1], "list": {"lone": 1}, "name": 5,
}  # fmt: skip


def source(airbyte: Airbyte, config: Json) -> str:
    return airbyte.source(config, MONGODB, "mongo cdc")


def test_the_stream_gives_the_same_values_as_the_snapshot(airbyte: Airbyte, mongo: Mongo) -> None:
    database = mongo.database("both_ways")
    database.every.insert_many([{"_id": "1", **TYPES}, {"_id": "plain", **TYPES}])
    made = source(airbyte, mongo.config("both_ways"))
    fields = {"nonBreakingChangesPreference": "propagate_columns"}
    connection = airbyte.connect(made, "mongo_both", {"every": DEDUP}, **fields)
    database.every.insert_one({"_id": "2", **ODD})
    airbyte.sync(connection)
    state = airbyte.post("state/get", connectionId=connection)
    assert state["stateType"] == "global"
    assert state["globalState"]["shared_state"]["schema_enforced"] is True
    database.every.insert_many([{"_id": "11", **TYPES}, {"_id": "12", "fresh": 7, **ODD}])
    database.every.delete_one({"_id": "plain"})
    airbyte.sync(connection)
    names = ", ".join(f'"{name}"' for name in TYPES)
    query = (
        f"SELECT {names}, list_sort([c.field FOR c IN _airbyte_meta.changes]), _id, fresh"
        " FROM bronze.mongo_both.every ORDER BY _id"
    )
    first, stream, stream_odd, odd = rows(airbyte.settings, query)
    assert first[:-2] == stream[:-2]
    assert odd[:-2] == stream_odd[:-2]
    assert odd[-3] == ["at", "flag", "large", "raw", "real", "small"]
    assert [row[-1] for row in (first, stream, stream_odd)] == [None, None, 7]


def test_versions_are_kept_or_the_last_one(airbyte: Airbyte, mongo: Mongo) -> None:
    database = mongo.database("moves")
    both = database.kept, database.history
    for one in both:
        one.insert_many({"_id": n, "v": str(n)} for n in range(1, 11))
    made = source(airbyte, mongo.config("moves"))
    connection = airbyte.connect(made, "mongo_moves", {"kept": DEDUP, "history": APPEND})
    airbyte.sync(connection)
    with mongo.client.start_session() as session, session.start_transaction():
        for one in both:
            one.update_one({"_id": 1}, {"$set": {"v": "changed"}}, session=session)
            one.replace_one({"_id": 2}, {"v": "replaced"}, session=session)
            one.delete_one({"_id": 3}, session=session)
            one.insert_one({"_id": 11, "v": "new"}, session=session)
    with mongo.client.start_session() as session:
        session.start_transaction()
        database.kept.insert_one({"_id": 12, "v": "never"}, session=session)
        session.abort_transaction()
    airbyte.sync(connection)
    now = rows(airbyte.settings, "SELECT _id, v FROM bronze.mongo_moves.kept ORDER BY _id")
    assert now == [(d["_id"], d["v"]) for d in database.kept.find().sort("_id")]
    told = rows(
        airbyte.settings,
        "SELECT _id, v, _ab_cdc_deleted_at IS NOT NULL, _ab_cdc_updated_at LIKE '20__-__-__T%Z',"
        " _ab_cdc_cursor FROM bronze.mongo_moves.history ORDER BY _ab_cdc_cursor, _id",
    )
    assert [row[:3] for row in told[10:]] == [
        (1, "changed", False),
        (2, "replaced", False),
        (3, None, True),
        (11, "new", False),
    ]
    assert all(row[3] for row in told)
    assert told[9][4] < told[10][4] < told[13][4]
    database.kept.drop()
    database.kept.insert_one({"_id": 5, "v": "after"})
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT _id, v FROM bronze.mongo_moves.kept") == [(5, "after")]
    again = airbyte.sync(connection)
    assert again["job"]["aggregatedStats"]["recordsCommitted"] == 0


def test_a_lost_place_is_explained_and_read_anew_only_when_asked(
    airbyte: Airbyte, mongo: Mongo
) -> None:
    server, database = mongo.server, mongo.database("lost")
    database.lost.insert_many([{"_id": 1}, {"_id": 2}])
    config = mongo.config("lost")
    made = source(airbyte, config)
    connection = airbyte.connect(made, "mongo_lost", {"lost": DEDUP})
    airbyte.sync(connection)
    database.lost.delete_one({"_id": 1})
    with server.store.lock:
        server.store.forget_oplog()
    failure = airbyte.failure(connection)
    assert failure["failureType"] == "config_error"
    assert "the resume point may no longer be in the oplog" in failure["externalMessage"]
    assert "connections/reset" in failure["externalMessage"]
    assert rows(airbyte.settings, "SELECT count(*) FROM bronze.mongo_lost.lost") == [(2,)]
    config["invalid_cdc_cursor_position_behavior"] = "Re-sync data"
    airbyte.post("sources/update", sourceId=made, name="m", connectionConfiguration=config)
    airbyte.sync(connection)
    assert rows(airbyte.settings, "SELECT _id FROM bronze.mongo_lost.lost") == [(2,)]


def test_a_continuous_connection_brings_changes_by_itself(airbyte: Airbyte, mongo: Mongo) -> None:
    database = mongo.database("live")
    database.live.insert_one({"_id": 1, "n": 0})
    made = source(airbyte, mongo.config("live"))
    connection = airbyte.connect(made, "mongo_live", {"live": DEDUP}, continuous={"every": 0.2})
    query = "SELECT _id, n FROM bronze.mongo_live.live ORDER BY _id"

    def holds(wanted: list[Any]) -> bool:
        try:
            return rows(airbyte.settings, query) == wanted
        except Exception:  # noqa: BLE001 - the table is not there yet
            return False

    wait_until(lambda: holds([(1, 0)]), seconds=60, what="the snapshot")
    database.live.update_one({"_id": 1}, {"$inc": {"n": 5}})
    database.live.insert_one({"_id": 2, "n": 1})
    wait_until(lambda: holds([(1, 5), (2, 1)]), seconds=60, what="the changes")
    end_continuous(airbyte, connection)
