"""Two streams are never written to one table, from one connection or from two."""

from __future__ import annotations

from tests.contract.airbyte.client import Airbyte, rows

COPY = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}


def test_two_schemas_with_one_name_need_tables_of_their_own(airbyte: Airbyte) -> None:
    with airbyte.shop() as db:
        for schema in ("shared_a", "shared_b"):
            db.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id int, s text)")
            db.execute(f"INSERT INTO {schema}.t VALUES (1, '{schema}')")
    source = airbyte.source(airbyte.postgres_config(schemas=["shared_a", "shared_b"]))
    entries = airbyte.catalog(source)
    for entry in entries:
        entry["config"] |= COPY
    body = {
        "sourceId": source,
        "destinationId": airbyte.destination(),
        "namespaceDefinition": "customformat",
        "status": "active",
        "scheduleType": "manual",
        "syncCatalog": {"streams": entries},
    }
    refused = airbyte.raw("connections/create", namespaceFormat="shared", **body)
    assert refused.status_code == 422
    assert "would both be written to table shared.t" in refused.json()["message"]

    own = "own_${SOURCE_NAMESPACE}"
    connection = airbyte.post("connections/create", namespaceFormat=own, **body)["connectionId"]
    airbyte.sync(connection)
    for schema in ("shared_a", "shared_b"):
        assert rows(airbyte.settings, f"SELECT s FROM bronze.own_{schema}.t") == [(schema,)]
    changed = airbyte.raw("connections/update", connectionId=connection, namespaceFormat="shared")
    assert changed.status_code == 422


def test_another_connections_table_is_refused_as_airbyte_does(airbyte: Airbyte) -> None:
    with airbyte.shop() as db:
        db.execute("CREATE SCHEMA taken; CREATE TABLE taken.t (id int)")
    source = airbyte.source(airbyte.postgres_config(schemas=["taken"]))
    place = airbyte.destination()
    first = airbyte.connect(source, "taken", {"t": COPY}, destinationId=place)
    body = {**airbyte.post("connections/get", connectionId=first), "name": "second"}
    del body["connectionId"]
    refused = airbyte.raw("connections/create", **body)
    assert refused.status_code == 400
    told = refused.json()
    assert told["type"] == "error:connection-conflicting-destination-stream"
    assert told["data"]["streams"] == [
        {"streamName": "t", "streamNamespace": "taken", "connectionIds": [first]}
    ]
    assert "table taken.t, which is written by connection 'taken'" in told["detail"]

    second = airbyte.post("connections/create", **{**body, "prefix": "own_"})["connectionId"]
    assert airbyte.raw("connections/update", connectionId=second, prefix="").status_code == 400
    # Its own table is no one else's, and a deleted connection's is free.
    airbyte.post("connections/update", connectionId=second, syncCatalog=body["syncCatalog"])
    airbyte.post("connections/delete", connectionId=first)
    airbyte.post("connections/update", connectionId=second, prefix="")
