"""MongoDB's change streams as the source reads them, whatever the server does meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pymongo
import pytest

from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.log import Limits
from services.airbyte.cdk.shared_states import OWN, SHARED
from tests.support.mongo.follower import Follower
from tests.support.mongo.place import Mongo

Json = dict[str, Any]


def documents(mongo: Mongo, database: str, count: int = 3) -> pymongo.collection.Collection[Json]:
    """Return a collection `one` of documents {_id, n}."""
    one = mongo.database(database).one
    one.insert_many({"_id": n, "n": 0} for n in range(count))
    return one


def test_changes_made_while_the_snapshot_is_read_come_once(mongo: Mongo) -> None:
    one = documents(mongo, "meanwhile", 6_000)  # two batches
    done: list[str] = []

    def before(command: Json) -> None:
        if "getMore" in command and command["collection"] == "one" and not done:
            done.append("")
            one.update_one({"_id": 1}, {"$set": {"n": 1}})  # was read
            one.update_one({"_id": 5_999}, {"$set": {"n": 1}})  # was not yet
            one.delete_one({"_id": 5_998})
            one.insert_one({"_id": 6_000, "n": 1})

    follower = Follower(mongo.config("meanwhile"), "one")
    mongo.server.before = before
    try:
        follower.sync()
    finally:
        mongo.server.before = None
    assert done
    snapshot, changes = follower.history["one"][:6_000], follower.history["one"][6_000:]
    assert {(row["_id"], row["n"]) for _, row in snapshot} == {(n, 0) for n in range(6_000)}
    assert [(kind, row["_id"], row["n"]) for kind, row in changes] == [
        ("U", 1, 1),
        ("U", 5_999, 1),
        ("D", 5_998, None),
        ("U", 6_000, 1),
    ]
    assert all(row["_ab_cdc_cursor"] > snapshot[0][1]["_ab_cdc_cursor"] for _, row in changes)


def test_a_snapshot_that_takes_too_long_and_is_cut_off_goes_on(mongo: Mongo) -> None:
    one = documents(mongo, "long", 11_000)  # three batches
    steps: list[str] = []

    def before(command: Json) -> None:
        if "getMore" not in command or command["collection"] != "one":
            return
        steps.append("getMore")
        if len(steps) == 1:  # as a server that has forgotten the snapshot's moment
            one.insert_one({"_id": 20_000, "n": 0})
            mongo.server.store.snapshots_from = mongo.server.store.time
            mongo.server.fail_over()
        elif len(steps) == 2:
            mongo.server.fail_over()

    follower = Follower(mongo.config("long"), "one")
    mongo.server.before = before
    try:
        follower.sync()
    finally:
        mongo.server.before, mongo.server.store.snapshots_from = None, 0
    assert len(steps) >= 2
    assert "going on after an interruption" in "".join(follower.said)
    assert "no snapshot of one moment" in "".join(follower.said)
    assert follower.rows("one", "_id") == [(n,) for n in range(11_000)] + [(20_000,)]
    # No document of the snapshot was read twice; the one that is newer came with the stream too.
    kinds = [row["_id"] for _, row in follower.history["one"]]
    assert len(kinds) == 11_002


def test_a_stream_goes_on_through_a_failover(mongo: Mongo) -> None:
    one = documents(mongo, "failover")
    follower = Follower(mongo.config("failover"), "one")
    follower.sync()
    one.insert_many({"_id": n, "n": n} for n in range(10, 3_000))
    calls: list[int] = []

    def before(command: Json) -> None:
        if "getMore" in command and str(command["collection"]).startswith("$cmd"):
            calls.append(1)
            if len(calls) in (1, 3):
                mongo.server.fail_over()

    follower.config["queue_size"] = 1_000  # three batches
    mongo.server.before = before
    try:
        follower.sync()
    finally:
        mongo.server.before = None
    assert len(calls) >= 3
    changes = [row["_id"] for _, row in follower.history["one"][3:]]
    assert changes == list(range(10, 3_000))


def test_a_transaction_is_never_cut(mongo: Mongo) -> None:
    one = documents(mongo, "whole")
    other = mongo.database("whole").other
    other.insert_one({"_id": 0, "n": 0})
    follower = Follower(mongo.config("whole"), "one", "other")
    follower.sync()
    for number in range(1, 6):
        with mongo.client.start_session() as session, session.start_transaction():
            for n in range(number):
                one.insert_one({"_id": 100 * number + n, "n": number}, session=session)
            other.update_one({"_id": 0}, {"$inc": {"n": 1}}, session=session)
    follower.sync(Limits(rows=2))
    assert [len(window) for window in follower.windows] == [2, 3, 4, 5, 6]
    cursors = [row["_ab_cdc_cursor"] for _, row in follower.history["one"][3:]]
    assert cursors == sorted(set(cursors))
    assert follower.rows("other", "n") == [(5,)]


def test_collections_are_dropped_renamed_and_replaced(mongo: Mongo) -> None:
    one = documents(mongo, "gone")
    database = one.database
    for name in ("two", "three"):
        database[name].insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])
    follower = Follower(mongo.config("gone"), "one", "two", "three")
    follower.sync()
    one.drop()
    one.insert_one({"_id": 9, "n": 9})
    database.two.rename("elsewhere")
    database.elsewhere.insert_one({"_id": 3, "n": 3})
    database.three.aggregate([{"$match": {"_id": 2}}, {"$out": "three"}])
    database.three.update_one({"_id": 2}, {"$set": {"n": 5}})
    follower.sync()
    assert follower.rows("one", "_id", "n") == [(9, 9)]
    assert follower.rows("two", "_id") == []
    assert follower.rows("three", "_id", "n") == [(2, 5)]
    (cleared,) = [row for kind, row in follower.history["two"] if kind == "T"]
    assert cleared["_id"] is None
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", cleared["_ab_cdc_deleted_at"])
    mongo.client.drop_database(database.name)
    one.insert_one({"_id": 1, "n": 1})
    follower.sync()
    assert [follower.rows(name, "_id") for name in ("one", "three")] == [[(1,)], []]
    one.insert_one({"_id": 2, "n": 1})  # after the stream had ended with its database
    follower.sync()
    assert follower.rows("one", "_id") == [(1,), (2,)]


def test_an_update_shows_the_document_as_it_is_or_as_it_was(mongo: Mongo) -> None:
    database = mongo.database("images")
    database.create_collection("one", changeStreamPreAndPostImages={"enabled": True})
    database.plain.insert_one({"_id": 1, "n": 0})
    database.one.insert_many([{"_id": 1, "n": 0}, {"_id": 2, "n": 0}])
    looked = Follower(mongo.config("images"), "one")
    exact = Follower(mongo.config("images", update_capture_mode="Post Image"), "one")
    refused = Follower(mongo.config("images", update_capture_mode="Post Image"), "plain")
    for follower in (looked, exact, refused):
        follower.sync()
    for number in (1, 2):
        database.one.update_one({"_id": 1}, {"$set": {"n": number}})
    database.one.update_one({"_id": 2}, {"$set": {"n": 7}})
    database.one.delete_one({"_id": 2})
    database.plain.update_one({"_id": 1}, {"$set": {"n": 1}})
    for follower in (looked, exact):
        follower.sync()
    told = [(kind, row["_id"], row["n"]) for kind, row in looked.history["one"][2:]]
    # The one that is gone by now is told as deleted, with what it was before each change.
    assert told == [("U", 1, 2), ("U", 1, 2), ("D", 2, 0), ("D", 2, 7)]
    told = [(kind, row["_id"], row["n"]) for kind, row in exact.history["one"][2:]]
    assert told == [("U", 1, 1), ("U", 1, 2), ("U", 2, 7), ("D", 2, 7)]
    with pytest.raises(ConnectorError, match="changeStreamPreAndPostImages"):
        refused.sync()


def test_a_token_of_a_collection_that_is_not_read_any_more_is_no_end(mongo: Mongo) -> None:
    one = documents(mongo, "fewer")
    other = mongo.database("fewer").other
    other.insert_one({"_id": 1, "n": 1})
    follower = Follower(mongo.config("fewer"), "one", "other")
    follower.sync()
    one.insert_one({"_id": 10, "n": 1})
    other.insert_one({"_id": 2, "n": 2})
    follower.sync()
    follower.streams = [stream for stream in follower.streams if stream.name == "one"]
    follower.states = {stream.key: follower.states[stream.key] for stream in follower.streams}
    one.insert_one({"_id": 11, "n": 1})
    follower.sync()
    assert [row["_id"] for _, row in follower.history["one"]] == [0, 1, 2, 10, 11]


def test_streams_at_different_positions_share_one_stream(mongo: Mongo) -> None:
    one = documents(mongo, "apart")
    other = mongo.database("apart").other
    other.insert_one({"_id": 1, "n": 1})
    follower = Follower(mongo.config("apart"), "one", "other")
    follower.sync()
    behind = dict(follower.states)
    one.insert_one({"_id": 10, "n": 1})
    other.insert_one({"_id": 2, "n": 2})
    follower.sync()
    # As a crash leaves it: one table is ahead of the other's stored state; a new stream has none.
    (ahead,) = [stream.key for stream in follower.streams if stream.name == "one"]
    follower.states = {**behind, ahead: follower.states[ahead]}
    follower.history = {name: [] for name in follower.history}
    one.insert_one({"_id": 11, "n": 1})
    follower.sync()
    assert [row["_id"] for _, row in follower.history["one"]] == [11]
    assert [row["_id"] for _, row in follower.history["other"]] == [2]


def test_several_databases_and_new_fields(mongo: Mongo) -> None:
    one = documents(mongo, "left")
    other = mongo.database("right").other
    other.insert_one({"_id": "a", "n": 1.5})
    unread = mongo.database("unread").one
    follower = Follower(mongo.config("left", "right"), "one", "other", propagate=True)
    follower.sync()
    unread.insert_one({"_id": 99, "n": 99})
    one.insert_one({"_id": 3, "n": 3, "new": {"deep": [1]}})
    other.insert_one({"_id": "b", "n": 2, "more": 5})
    follower.sync()
    other.insert_one({"_id": "c", "n": 3, "more": "text"})
    follower.choose()  # a sample takes the field for text, but its column has a type by now
    follower.sync()
    assert follower.rows("one", "_id", "new")[-1] == (3, '{"deep":[1]}')
    assert follower.rows("other", "_id", "n", "more") == [
        ("a", 1.5, None),
        ("b", 2.0, 5),
        ("c", 3.0, None),
    ]
    assert len(follower.tables["one"]) == 4


def test_whole_documents_and_a_changed_mind(mongo: Mongo) -> None:
    one = documents(mongo, "packed", 1)
    follower = Follower(mongo.config("packed", schema_enforced=False), "one")
    follower.sync()
    one.update_one({"_id": 0}, {"$set": {"any": {"deep": [None]}}})
    one.insert_one({"_id": 1})
    one.delete_one({"_id": 1})
    follower.sync()
    told = [(kind, row["_id"], row["data"]) for kind, row in follower.history["one"]]
    assert told == [
        ("U", 0, '{"_id":0,"n":0}'),
        ("U", 0, '{"_id":0,"n":0,"any":{"deep":[null]}}'),
        ("U", 1, '{"_id":1}'),
        ("D", 1, '{"_id":1}'),
    ]
    changed = Follower(mongo.config("packed"), "one")
    changed.states = follower.states
    with pytest.raises(ConnectorError, match="reset its data"):
        changed.sync()
    changed.config = follower.config
    with pytest.raises(ConnectorError, match="refresh the connection's schema"):
        changed.sync()


def test_a_state_of_airbytes_own_connector_is_gone_on_from(mongo: Mongo) -> None:
    one = documents(mongo, "moved")
    follower = Follower(mongo.config("moved"), "one")
    with one.database.watch() as stream, mongo.client.start_session() as session:
        with session.start_transaction():
            one.insert_many([{"_id": 10, "n": 1}, {"_id": 11, "n": 2}], session=session)
        seen = next(stream)
    at = seen["clusterTime"]
    token = seen["_id"]["_data"]
    offset = f'{{"sec":{at.time},"ord":{at.inc},"resume_token":"{token}"}}'
    shared = {"state": {'["db1",{"server_id":"db1"}]': offset}, "schema_enforced": True}
    own = {"id": "1", "status": "COMPLETE", "idType": "INT"}
    # As `state/create_or_update` stores what a client gives in Airbyte's shape.
    follower.states = {stream.key: {SHARED: shared, OWN: own} for stream in follower.streams}
    follower.sync()
    assert [row["_id"] for _, row in follower.history["one"]] == [11]
