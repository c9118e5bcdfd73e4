"""Mappers: what is hashed, renamed, left out or filtered before it lands, however it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airbyte_api
import pytest
import yaml
from airbyte_api import errors, models

from bootstrap.clients.airbyte import Airbyte as Client
from bootstrap.platform_file import Platform, read_platform
from bootstrap.provision.airbyte import ensure_ingestion
from bootstrap.provision.planning import plan_ingestion
from services.common.errors import LakeletError
from services.common.settings import CHECKOUT
from tests.contract.airbyte.client import MONGODB, MYSQL, SQLSERVER, Airbyte, rows
from tests.contract.airbyte.test_cdc import Cdc
from tests.contract.airbyte.test_dead_letters import SKIP, letters_of, listed
from tests.contract.airbyte.test_failures import file_source
from tests.contract.airbyte.test_sqlserver_changes import tracked
from tests.support.mappers import (
    dropping,
    equal,
    hashing,
    none_of,
    renaming,
    row_filter,
)
from tests.support.mariadb import MariaDB
from tests.support.mongo.place import Mongo
from tests.support.sqlserver.fixture import SqlServer

Json = dict[str, Any]
DEDUP = {"syncMode": "incremental", "destinationSyncMode": "append_dedup"}
APPEND = {"syncMode": "incremental", "destinationSyncMode": "append"}
FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, mail text, pay numeric(10, 2), country text,"
    " bio text, at timestamptz DEFAULT now())"
)
# The row that nobody may see is number 3's; 2 has no mail.
FIRST = (
    "INSERT INTO people VALUES (1, 'ada@x', 12.50, 'it', 'b1'), (2, NULL, 7, 'it', 'b2'),"
    " (3, 'eve@x', 1, 'test', 'b3')"
)
MAPPERS = [
    hashing("mail", "MD5", ""),
    dropping("pay"),
    renaming("bio", "about"),
    row_filter(none_of(equal("country", "test"))),
]


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module", autouse=True)
def for_others(airbyte: Airbyte) -> Iterator[None]:
    yield
    airbyte.without_mappers()


@pytest.fixture(scope="module")
def people(airbyte: Airbyte) -> Iterator[Cdc]:
    one = Cdc(airbyte, "mapped", TABLE)
    one.db.execute(FIRST)
    yield one
    one.close()


def by_cursor(airbyte: Airbyte) -> str:
    return airbyte.source(airbyte.postgres_config(schemas=["mapped"]), name="mapped")


def columns(airbyte: Airbyte, namespace: str) -> list[str]:
    found = rows(airbyte.settings, f"SELECT * FROM (DESCRIBE bronze.{namespace}.people)")
    return [row[0] for row in found if not row[0].startswith("_")]


def test_a_full_refresh_brings_no_more_than_the_mappers_let_pass(
    airbyte: Airbyte, people: Cdc
) -> None:
    connection = airbyte.connect(
        by_cursor(airbyte), "map_full", {"people": {**FULL, "mappers": MAPPERS}}
    )
    airbyte.sync(connection)
    assert columns(airbyte, "map_full") == ["id", "mail", "country", "about", "at"]
    got = rows(airbyte.settings, "SELECT id, mail, about FROM bronze.map_full.people ORDER BY 1")
    assert got == [(1, md5("ada@x"), "b1"), (2, None, "b2")]


def test_a_cursor_goes_on_over_a_hashed_key_and_a_changed_mapper_counts_from_then_on(
    airbyte: Airbyte, people: Cdc
) -> None:
    chosen = {**DEDUP, "cursorField": ["at"], "primaryKey": [["id"]]}
    mappers = [hashing("id"), renaming("at", "changed_at"), dropping("pay"), hashing("mail")]
    connection = airbyte.connect(
        by_cursor(airbyte), "map_cursor", {"people": {**chosen, "mappers": mappers}}
    )
    airbyte.sync(connection)
    people.db.execute("UPDATE people SET mail = 'ida@x', at = now() WHERE id = 1")
    airbyte.sync(connection)
    query = "SELECT id_hashed, mail_hashed FROM bronze.map_cursor.people ORDER BY mail_hashed"
    assert sorted(rows(airbyte.settings, query), key=str) == sorted(
        [(sha("1"), sha("ida@x")), (sha("2"), None), (sha("3"), sha("eve@x"))], key=str
    )
    shown = airbyte.post("connections/get", connectionId=connection)
    shown["syncCatalog"]["streams"][0]["config"]["mappers"].append(renaming("bio", "about"))
    airbyte.post("connections/update", connectionId=connection, syncCatalog=shown["syncCatalog"])
    people.db.execute("UPDATE people SET at = now() WHERE id = 1")
    airbyte.sync(connection)
    query = "SELECT bio, about FROM bronze.map_cursor.people ORDER BY about NULLS LAST, bio"
    assert rows(airbyte.settings, query) == [(None, "b1"), ("b2", None), ("b3", None)]
    airbyte.wait(
        airbyte.post(
            "connections/refresh", connectionId=connection, refreshMode="Truncate", streams=None
        )["job"]["id"]
    )
    query = "SELECT bio, about FROM bronze.map_cursor.people ORDER BY about"
    assert rows(airbyte.settings, query) == [(None, f"b{n}") for n in (1, 2, 3)]


def test_changes_of_the_log_go_through_the_same_mappers(airbyte: Airbyte, people: Cdc) -> None:
    cdc, long = people, "x" * 9000
    cdc.db.execute("ALTER TABLE people ALTER bio SET STORAGE EXTERNAL")
    cdc.db.execute("UPDATE people SET mail = 'ida@x' WHERE id = 1")
    cdc.db.execute("UPDATE people SET bio = %s WHERE id = 2", [long])
    connection = cdc.connect({"people": {**DEDUP, "mappers": [hashing("id", "MD5"), *MAPPERS]}})
    airbyte.sync(connection)

    def table() -> dict[str, tuple[Any, ...]]:
        found = cdc.rows(f"SELECT id_hashed, mail, about, country FROM bronze.{cdc.name}.people")
        return {row[0]: row[1:] for row in found}

    first = table()
    assert first == {
        md5("1"): (md5("ida@x"), "b1", "it"),
        md5("2"): (None, long, "it"),
    }
    with cdc.db.transaction():
        cdc.db.execute("INSERT INTO people VALUES (4, 'bob@x', 3, 'de', 'b4')")
        cdc.db.execute("INSERT INTO people VALUES (5, 'mal@x', 3, 'test', 'b5')")
        cdc.db.execute("INSERT INTO people VALUES (6, 'gus@x', 3, 'de', 'b6')")
        cdc.db.execute("UPDATE people SET mail = 'cy@x' WHERE id = 2")  # its bio is not logged
        cdc.db.execute("UPDATE people SET country = 'test' WHERE id = 1")  # leaves
        cdc.db.execute("UPDATE people SET country = 'fr' WHERE id = 3")  # enters
        cdc.db.execute("DELETE FROM people WHERE id = 6")
        cdc.db.execute("UPDATE people SET id = 7 WHERE id = 4")
    airbyte.sync(connection)
    assert table() == {
        md5("2"): (md5("cy@x"), long, "it"),
        md5("3"): (md5("eve@x"), "b3", "fr"),
        md5("7"): (md5("bob@x"), "b4", "de"),
    }
    # Out and in again within a window: what the log left out comes from before.
    with cdc.db.transaction():
        cdc.db.execute("UPDATE people SET country = 'test' WHERE id = 2")
        cdc.db.execute("UPDATE people SET country = 'it', mail = 'di@x' WHERE id = 2")
        cdc.db.execute("DELETE FROM people WHERE id = 3")
    airbyte.sync(connection)
    assert table()[md5("2")] == (md5("di@x"), long, "it")
    assert md5("3") not in table()
    # Out and in again in two: the table has it no more, and the log does not either.
    cdc.db.execute("UPDATE people SET country = 'test' WHERE id = 2")
    airbyte.sync(connection)
    assert set(table()) == {md5("7")}
    cdc.db.execute("UPDATE people SET country = 'it' WHERE id = 2")
    assert "column 'about'" in airbyte.failure(connection)["externalMessage"]
    cdc.db.execute("ALTER TABLE people REPLICA IDENTITY FULL")
    asked = airbyte.post(
        "connections/refresh", connectionId=connection, refreshMode="Truncate", streams=None
    )
    assert airbyte.wait(asked["job"]["id"])["job"]["status"] == "succeeded"
    assert set(table()) == {md5("2"), md5("7")}
    for country in ("test", "it"):
        cdc.db.execute("UPDATE people SET country = %s WHERE id = 2", [country])
        airbyte.sync(connection)
    assert table()[md5("2")] == (md5("di@x"), long, "it")


def test_files_are_mapped_too_and_what_was_refused_of_them(
    airbyte: Airbyte, tmp_path: Path
) -> None:
    text = "id,mail,on\n1,ada@x,2024-01-01\n2,,2024-01-02\n3,eve@x,2024-01-03\n4,bob@x\n"
    source = file_source(airbyte, "mapped.csv", text, reader_options=SKIP)
    mappers = [
        hashing("mail"),
        hashing("on", suffix=""),
        renaming("id", "person"),
        row_filter(none_of(equal("person", "3"))),
    ]
    connection = airbyte.connect(source, "map_file", {"mapped": {**FULL, "mappers": mappers}})
    airbyte.sync(connection)
    query = 'SELECT person, mail_hashed, "on" FROM bronze.map_file.mapped ORDER BY 1'
    brought = [(1, sha("ada@x"), sha("2024-01-01")), (2, None, sha("2024-01-02"))]
    assert rows(airbyte.settings, query) == brought
    (kept,) = listed(airbyte, "mapped")
    letter = json.loads(letters_of(airbyte).show(kept["address"]))
    (tmp_path / "corrected").write_text(
        "".join(
            json.dumps({**letter, "text": text}) + "\n"
            for text in ("4,bob@x,2024-01-04", "3,eve@x,2024-01-03")
        )
    )
    letters_of(airbyte).replay(kept["address"], tmp_path / "corrected")
    assert rows(airbyte.settings, query) == [*brought, (4, sha("bob@x"), sha("2024-01-04"))]


def test_the_sdk_sets_them(airbyte: Airbyte, people: Cdc, sdk: airbyte_api.AirbyteAPI) -> None:
    def configured(method: models.HashingMethod, field: str) -> models.StreamConfigurations:
        return models.StreamConfigurations(
            streams=[
                models.StreamConfiguration(
                    name="people",
                    mappers=[
                        models.ConfiguredStreamMapper(
                            type=models.StreamMapperType.HASHING,
                            mapper_configuration=models.HashingMapperConfiguration(
                                target_field=field, method=method, field_name_suffix="_h"
                            ),
                        ),
                        models.ConfiguredStreamMapper(
                            type=models.StreamMapperType.ROW_FILTERING,
                            mapper_configuration=models.RowFilteringMapperConfiguration(
                                conditions=models.RowFilteringOperationEqual(
                                    type=models.RowFilteringOperationType.EQUAL,
                                    field_name="country",
                                    comparison_value="it",
                                )
                            ),
                        ),
                    ],
                )
            ]
        )

    def create(method: models.HashingMethod, field: str = "mail") -> Any:
        body = models.ConnectionCreateRequest(
            source_id=by_cursor(airbyte),
            destination_id=airbyte.destination(),
            configurations=configured(method, field),
        )
        try:
            made = sdk.connections.create_connection(request=body).connection_response
            assert made is not None
            return made.model_dump(by_alias=True, mode="json")
        except errors.ResponseValidationError as error:
            # Version 1.0.1 can send every mapper, and read none in an answer but encryption.
            return json.loads(error.body)

    made = create(models.HashingMethod.SHA_1)
    first, second = made["configurations"]["streams"][0]["mappers"]
    assert first["mapperConfiguration"] == hashing("mail", "SHA-1", "_h")["mapperConfiguration"]
    assert second["mapperConfiguration"]["conditions"] == equal("country", "it")
    assert first["id"] != second["id"]
    with pytest.raises(errors.SDKError) as refused:
        create(models.HashingMethod.MD5, "none")
    problem = json.loads(refused.value.body)
    assert (refused.value.status_code, problem["type"]) == (400, "error:mapper-validation")
    assert problem["data"]["errors"][0]["error"] == "FIELD_NOT_FOUND"
    draft = airbyte.post(
        "web_backend/mappers/validate",
        connectionId=made["connectionId"],
        streamDescriptor={"name": "people", "namespace": "mapped"},
        mappers=[renaming("mail", "country")],
    )
    assert draft["mappers"][0]["validationError"]["type"] == "FIELD_ALREADY_EXISTS"


def test_the_pages_example_is_applied_and_a_change_of_it_planned(
    airbyte: Airbyte, tmp_path: Path
) -> None:
    text = (CHECKOUT / "docs" / "ingestion" / "mappers.md").read_text()
    document = yaml.safe_load(text.split("```yaml")[1].split("```")[0])
    settings = airbyte.settings.model_copy(update={"lakelet_home": tmp_path})
    client = Client(airbyte.settings)

    def platform() -> Platform:
        whole = {"version": 1, "layers": {}, "dbt": {"layers": []}, **document}
        (tmp_path / "lakelet.yml").write_text(yaml.safe_dump(whole))
        return read_platform(settings)

    def planned() -> list[str]:
        found = plan_ingestion(client, platform())
        return [f for d in found if (d.part, d.name) == ("connection", "crm") for f in d.fields]

    with airbyte.shop() as db:
        db.execute(
            "CREATE SCHEMA crm; CREATE TABLE crm.people (id int PRIMARY KEY, email text,"
            " birthday date, addr text, country text, updated_at timestamptz DEFAULT now())"
        )
        db.execute(
            "INSERT INTO crm.people VALUES (1, 'ada@x', '1815-12-10', 'London', 'uk'),"
            " (2, 'test@x', NULL, NULL, 'test')"
        )
    ensure_ingestion(client, platform(), airbyte.settings)
    assert planned() == []
    airbyte.sync(client.named("connections", "crm")["connectionId"])  # type: ignore[index]
    found = rows(airbyte.settings, "SELECT * EXCLUDE (updated_at) FROM bronze.crm.people")
    assert [row[4:] for row in found] == [(1, sha("ada@x"), "London", "uk")]
    mappers = document["connections"]["crm"]["streams"]["people"]["mappers"]
    mappers[0]["mapperConfiguration"]["method"] = "MD5"
    [told] = planned()
    assert told.startswith("streams.people.mappers: [{'type': 'hashing'")
    ensure_ingestion(client, platform(), airbyte.settings)
    assert planned() == []
    mappers.append(dropping("none"))
    with pytest.raises(LakeletError, match="no field 'none' here; it has: id, email_hashed"):
        ensure_ingestion(client, platform(), airbyte.settings)


def document(number: int, mail: str, kind: str) -> Json:
    return {"_id": number, "mail": mail, "kind": kind}


def test_binary_logs_and_change_streams_go_through_them_too(
    airbyte: Airbyte, mysql: MariaDB, mongo: Mongo, sqlserver: SqlServer
) -> None:
    mysql.execute(
        "CREATE TABLE mapped (id int PRIMARY KEY, mail varchar(99), kind varchar(9))",
        "INSERT INTO mapped VALUES (1, 'a@x', 'it'), (2, 'b@x', 'test'), (5, 'e@x', 'it')",
    )
    tracked(
        sqlserver,
        "mapped",
        "id int PRIMARY KEY, mail varchar(99), kind varchar(9)",
        "INSERT INTO mapped VALUES (1, 'a@x', 'it'), (2, 'b@x', 'test'), (5, 'e@x', 'it')",
    )
    people = mongo.database("mapped").mapped
    people.insert_many(
        [document(1, "a@x", "it"), document(2, "b@x", "test"), document(5, "e@x", "it")]
    )
    cdc = {"replication_method": {"method": "CDC"}}
    made = {}
    for name, key, source in (
        ("map_maria", "id", airbyte.source(mysql.config(**cdc), MYSQL)),
        ("map_mssql", "id", airbyte.source(sqlserver.config(**cdc), SQLSERVER)),
        ("map_mongo", "_id", airbyte.source(mongo.config("mapped"), MONGODB)),
    ):
        mappers = [
            hashing(key, "MD5", ""),
            renaming("mail", "post"),
            hashing("post"),
            row_filter(none_of(equal("kind", "test"))),
        ]
        streams = {"mapped": {**DEDUP, "mappers": mappers}}
        made[name, key] = airbyte.connect(source, name, streams)

    def check(expected: list[tuple[str, str]]) -> None:
        for (name, key), connection in made.items():
            airbyte.sync(connection)
            found = rows(airbyte.settings, f"SELECT {key}, post_hashed FROM bronze.{name}.mapped")
            assert sorted(found) == sorted((md5(n), sha(mail)) for n, mail in expected), name

    hidden = {**APPEND, "mappers": [row_filter(none_of(equal("kind", "test")))]}
    maria = airbyte.source(mysql.config(**cdc), MYSQL)
    history = airbyte.connect(maria, "map_history", {"mapped": hidden})
    airbyte.sync(history)
    check([("1", "a@x"), ("5", "e@x")])
    for server in (mysql, sqlserver):
        server.execute(
            "UPDATE mapped SET kind = 'test' WHERE id = 1",
            "UPDATE mapped SET kind = 'de' WHERE id = 2",
            "INSERT INTO mapped VALUES (3, 'c@x', 'de'), (4, 'd@x', 'test')",
            "DELETE FROM mapped WHERE id IN (4, 5)",
        )
    people.update_one({"_id": 1}, {"$set": {"kind": "test"}})
    people.update_one({"_id": 2}, {"$set": {"kind": "de"}})
    people.insert_many([document(3, "c@x", "de"), document(4, "d@x", "test")])
    people.delete_many({"_id": {"$in": [4, 5]}})
    check([("2", "b@x"), ("3", "c@x")])
    airbyte.sync(history)
    query = "SELECT id, mail, _ab_cdc_deleted_at IS NOT NULL FROM bronze.map_history.mapped"
    told = [(1, "a@x"), (5, "e@x"), (2, "b@x"), (3, "c@x")]
    gone = [(4, None, True), (5, None, True)]  # by their keys, whatever else the log tells
    assert sorted(rows(airbyte.settings, query), key=str) == sorted(
        [*((*one, False) for one in told), *gone], key=str
    )
