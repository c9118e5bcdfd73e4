"""Moving the lake, the states and the databases to another set of servers: nothing synced anew.

The other servers are a second platform's storage, catalog, PostgreSQL and Airbyte: the same wire
protocols as MinIO's, Nessie's and the vendor's.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from pyiceberg.table import StaticTable

from bootstrap.backup import lake
from bootstrap.backup.blobs import Blobs
from bootstrap.backup.create import create
from bootstrap.backup.manifest import Manifest
from bootstrap.backup.store import FolderStore
from bootstrap.clients.airbyte import Airbyte
from bootstrap.clients.dremio import Dremio
from bootstrap.clients.iceberg import Catalog
from bootstrap.migrate import move_databases, move_lake, read_states, write_hint, write_states
from bootstrap.migrate_people import read_people, write_people
from bootstrap.migrate_rights import read_rights, write_rights
from bootstrap.migrate_views import View, read_views, write_views
from bootstrap.platform_file import read_platform
from bootstrap.progress import Progress
from bootstrap.provision.airbyte import ensure_ingestion
from bootstrap.provision.dremio import ensure_layers
from bootstrap.runtime.embedded import EmbeddedRuntime
from services.common.errors import NotFoundError, PermanentError
from services.supervisor.control import Supervisor
from services.supervisor.orphans import end_processes
from tests.support.platform import Home

RUNS = ("postgres", "storage", "dremio", "airbyte")
PLATFORM = """
version: 1
sources:
  shop:
    type: postgres
    configuration:
      host: ${POSTGRES_HOST}
      port: ${POSTGRES_PORT}
      database: shop
      schemas: [public]
      username: shop
      password: ${SHOP_DB_PASSWORD}
      ssl_mode: {mode: disable}
      replication_method: {method: Standard}
      tunnel_method: {tunnel_method: NO_TUNNEL}
connections:
  shop:
    source: shop
    namespace: shop
    streams:
      sold: {mode: incremental, write: append_dedup, cursor: id, key: [id]}
layers: {bronze: /bronze, silver: /silver/lake, gold: /gold/lake}
dbt: {layers: [staging]}
"""
RAW = "SELECT id, price, _airbyte_raw_id FROM bronze.shop.sold ORDER BY id"


def provisioned(home: Home) -> Airbyte:
    """Set the home up as `lakelet up` would."""
    platform = read_platform(home.settings)
    ensure_layers(Dremio(home.settings), platform, home.settings)
    airbyte = Airbyte(home.settings)
    ensure_ingestion(airbyte, platform, home.settings)
    return airbyte


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Home]]:
    """A platform with synced data, and other servers with nothing on them."""
    folder = tmp_path_factory.mktemp("migrate")
    old = Home(folder / "old")
    # The same secrets, as the vendors' servers get them from the same .env; ports of their own.
    secrets = [
        line for line in old.settings.env_file.read_text().splitlines() if "_PORT=" not in line
    ]
    new = Home(folder / "new", **dict(line.split("=", 1) for line in secrets))
    try:
        for home in (old, new):
            (home.folder / "lakelet.yml").write_text(PLATFORM)
            Supervisor(home.settings).start_only(RUNS)
        with psycopg.connect(old.settings.postgres_dsn("shop")) as connection:
            connection.execute(
                "CREATE TABLE sold (id bigint PRIMARY KEY, price numeric(10,2));"
                "INSERT INTO sold SELECT n, n / 4.0 FROM generate_series(1, 200) n"
            )
        provisioned(old).sync("shop")
        Dremio(old.settings).sql(
            "CREATE TABLE gold.totals AS "
            "SELECT COUNT(*) AS n, SUM(price) AS s FROM bronze.shop.sold"
        )
        yield old, new
    finally:
        for home in (old, new):
            end_processes(home.settings)


@pytest.fixture(scope="module")
def moved(
    homes: tuple[Home, Home], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Manifest, dict[str, Any], list[dict[str, Any]]]:
    """What was moved: the backup, the states, bronze's rows."""
    old, new = homes
    (old.settings.data_dir / "runtime").write_text("embedded\n")
    store = FolderStore(tmp_path_factory.mktemp("place"))
    states = read_states(Airbyte(old.settings))
    rows = Dremio(old.settings).sql(RAW)
    manifest, _ = create(old.settings, EmbeddedRuntime(old.settings), store, Progress())
    assert read_states(Airbyte(old.settings)) == states
    blobs = Blobs(store, tmp_path_factory.mktemp("spool"))
    assert move_databases(new.settings, manifest, blobs) == []
    warehouses = lake.Warehouses(lambda bucket: lake.catalog(new.settings, bucket))
    move_lake(manifest, blobs, lake.storage_client(new.settings), warehouses)
    return manifest, states, rows


def test_only_new_rows_are_read_after_the_move(
    homes: tuple[Home, Home], moved: tuple[Manifest, dict[str, Any], list[dict[str, Any]]]
) -> None:
    _, new = homes
    _, states, rows = moved
    airbyte = provisioned(new)
    assert write_states(airbyte, states) == ["shop"]
    with psycopg.connect(new.settings.postgres_dsn("shop")) as connection:
        connection.execute("INSERT INTO sold VALUES (201, 1.00), (202, 2.00)")
    job = airbyte.sync("shop")["job"]
    # At most the row at the cursor comes again (Airbyte's cursor is inclusive), and only once.
    assert job["aggregatedStats"]["recordsCommitted"] in (2, 3)
    after = {row["id"]: row for row in Dremio(new.settings).sql(RAW)}
    assert len(rows) == 200
    assert sorted(after) == list(range(1, 203))
    assert [after[row["id"]] for row in rows[:-1]] == rows[:-1]  # raw ids too: the very same rows


def test_tables_of_other_layers_are_found_by_their_hint(
    homes: tuple[Home, Home], moved: tuple[Manifest, dict[str, Any], list[dict[str, Any]]]
) -> None:
    """As Dremio's S3 source finds them: the folder, and the version that the hint names."""
    _, new = homes
    properties = {
        "s3.endpoint": f"http://{new.settings.s3_endpoint}",
        "s3.access-key-id": "dremio",
        "s3.secret-access-key": new.settings.dremio_s3_secret_key.get_secret_value(),
        "s3.region": "us-east-1",
    }
    table = StaticTable.from_metadata("s3://gold/lake/totals", properties)
    (row,) = table.scan().to_arrow().to_pylist()
    assert (int(row["n"]), float(row["s"])) == (200, 5025.0)
    with pytest.raises(NotFoundError):  # nobody writes gold through the catalog there
        lake.catalog(new.settings, "gold").load(("lake",), "totals")


BEFORE = "before-12345"
PEOPLE = (
    "CREATE ROLE readers",
    'CREATE ROLE "the analysts"',
    'GRANT ROLE readers TO ROLE "the analysts"',
    'GRANT ROLE "the analysts" TO USER "ann"',
)
VIEWS = (
    'CREATE VIEW reports."first of all" AS SELECT * FROM reports.deep."a/b".costs',
    "CREATE VIEW reports.totals (how_many, together) AS "
    'SELECT COUNT(*), SUM("the price") FROM reports.deep."a/b".costs',
)


def test_views_come_back_in_the_order_they_need_each_other(
    homes: tuple[Home, Home], moved: tuple[Manifest, dict[str, Any], list[dict[str, Any]]]
) -> None:
    old, new = (Dremio(home.settings) for home in homes)
    old.call("POST", "/api/v3/catalog", {"entityType": "space", "name": "reports"})
    for path in (["reports", "deep"], ["reports", "deep", "a/b"]):
        old.call("POST", "/api/v3/catalog", {"entityType": "folder", "path": path})
    costs = {
        "entityType": "dataset",
        "type": "VIRTUAL_DATASET",
        "path": ["reports", "deep", "a/b", "costs"],
        "sql": 'SELECT id, price AS "the price" FROM shop.sold WHERE id <= 150',
        "sqlContext": ["bronze"],
    }
    made = old.call("POST", "/api/v3/catalog", costs)
    note = {"text": "# Costs\nof everything"}
    old.call("POST", f"/api/v3/catalog/{made['id']}/collaboration/wiki", note)
    old.call("POST", f"/api/v3/catalog/{made['id']}/collaboration/tag", {"tags": ["money"]})
    for statement in VIEWS:
        old.sql(statement)
    definitions = read_views(old)
    # However they were read: the one that needs another one first.
    order = sorted(definitions.views, key=lambda view: view.path)
    assert [view.path[1] for view in order] == ["deep", "first of all", "totals"]
    backwards = replace(definitions, views=tuple(reversed(order)))
    broken = View(("reports", "broken"), "SELECT * FROM nowhere.at_all", (), ())
    made_there, left = write_views(new, replace(backwards, views=(broken, *backwards.views)))
    assert sorted(made_there) == [view.path for view in order]
    assert list(left) == ["reports.broken"]
    assert "nowhere" in left["reports.broken"]
    for name in ('"first of all"', 'deep."a/b".costs', "totals"):
        query = f"SELECT * FROM reports.{name}"
        assert sorted(map(str, new.sql(query))) == sorted(map(str, old.sql(query))) != []
    assert list(new.sql("SELECT * FROM reports.totals")[0]) == ["how_many", "together"]
    there = new.by_path("reports", "deep", "a/b", "costs")
    assert there is not None
    notes = f"/api/v3/catalog/{there['id']}/collaboration"
    assert new.call("GET", f"{notes}/wiki")["text"] == note["text"]
    assert new.call("GET", f"{notes}/tag")["tags"] == ["money"]
    assert write_views(new, definitions) == ([], {})  # again: nothing to do


@pytest.fixture(scope="module")
def passwords(homes: tuple[Home, Home], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The people of the old platform, moved: their new passwords."""
    old, new = homes
    for name in ("ann", "Bo Ü"):
        body = {"name": name, "password": BEFORE, "lastName": "Ö", "email": "a@b.example"}
        Dremio(old.settings).call("POST", "/api/v3/user", body)
    for statement in PEOPLE:
        Dremio(old.settings).sql(statement)
    people = read_people(Dremio(old.settings), old.settings.admin_user)
    file = tmp_path_factory.mktemp("people") / "users.txt"
    made, left = write_people(Dremio(new.settings), people, file)
    assert (sorted(made), left) == (["Bo Ü", "ann"], {})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = dict(line.split("\t") for line in file.read_text().splitlines())
    assert write_people(Dremio(new.settings), people, file) == ([], {})
    assert len(file.read_text().splitlines()) == 2
    assert read_people(Dremio(new.settings), new.settings.admin_user) == people
    return found


def test_users_get_new_passwords_and_their_roles(
    homes: tuple[Home, Home], passwords: dict[str, str]
) -> None:
    _, new = homes
    assert sorted(passwords) == ["Bo Ü", "ann"]
    for name, password in passwords.items():
        body = {"userName": name, "password": password}
        answer = httpx.post(f"{new.settings.dremio_url}/apiv2/login", json=body, trust_env=False)
        assert answer.json()["userName"] == name
    people = read_people(Dremio(new.settings), new.settings.admin_user)
    assert {user.name: user.roles for user in people.users} == {
        "ann": ("the analysts",),
        "Bo Ü": (),
    }


RULES = (
    'CREATE SPACE "the.rules"',
    'CREATE FUNCTION "the.rules".twice("x y" INT) RETURNS INT RETURN "x y" * 2',
    'CREATE FUNCTION "the.rules"."a first" (n INT) RETURNS INT RETURN "the.rules".twice(n) + 1',
    'CREATE FUNCTION "the.rules".below(n INT) RETURNS TABLE ("the id" BIGINT, price DECIMAL(10,2)) '
    "RETURN SELECT id, price FROM bronze.shop.sold WHERE id < n",
    'CREATE VIEW "the.rules".doubled AS SELECT id, "the.rules".twice(id) AS two '
    "FROM bronze.shop.sold WHERE id <= 12",
    'CREATE FUNCTION "the.rules".widest() RETURNS BIGINT '
    'RETURN SELECT MAX(two) FROM "the.rules".doubled',
    'CREATE FUNCTION "the.rules".seen(n BIGINT) RETURNS BOOLEAN '
    "RETURN IS_MEMBER('readers') OR n < 9",
    'CREATE FUNCTION "the.rules".hidden(n INT) RETURNS INT '
    "RETURN SELECT CASE WHEN IS_MEMBER('readers') THEN n ELSE -1 END",
    "GRANT SELECT ON SOURCE bronze TO USER ann",
    'GRANT EXECUTE, ALTER ON FUNCTION "the.rules".twice TO USER ann',
    'GRANT SELECT ON SPACE "the.rules" TO ROLE "the analysts"',
    'GRANT EXECUTE ON SPACE "the.rules" TO ROLE "the analysts"',
    "GRANT VIEW JOB HISTORY ON SYSTEM TO ROLE readers",
    "GRANT SELECT ON TABLE bronze.shop.sold TO ROLE PUBLIC",
    'GRANT OWNERSHIP ON VIEW "the.rules".doubled TO USER ann',
    'ALTER TABLE bronze.shop.sold ADD ROW ACCESS POLICY "the.rules".seen(id)',
    'ALTER VIEW "the.rules".doubled MODIFY COLUMN two SET MASKING POLICY "the.rules".hidden(two)',
)
ASKED = (
    "SELECT COUNT(*) AS n FROM bronze.shop.sold WHERE id <= 200",
    'SELECT * FROM "the.rules".doubled ORDER BY id',
    'SELECT "the.rules"."a first"(20) AS n, "the.rules".eight(1) AS e, "the.rules".widest() AS w',
    'SELECT * FROM TABLE("the.rules".below(4)) ORDER BY 1',
)


def told(home: Home, user: str, password: str) -> list[Any]:
    """What somebody is answered, refusals too."""
    who = {"admin_user": user, "admin_password": SecretStr(password)}
    dremio = Dremio(home.settings.model_copy(update=who))
    answers: list[Any] = []
    for query in ASKED:
        try:
            answers.append(dremio.sql(query))
        except PermanentError as error:
            words = str(error)
            refused = "Access denied" in words or "does not have the" in words
            answers.append("denied" if refused else words)
    return answers


class Free(Dremio):
    """Refuses what the free edition does not have."""

    refused = "GRANT "

    def sql(self, statement: str, context: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Run one statement."""
        if self.refused in statement:
            raise PermanentError(f"Dremio: failed: not supported in: {statement}")
        return super().sql(statement, context)


def test_functions_policies_grants_and_owners_come_along(
    homes: tuple[Home, Home],
    moved: tuple[Manifest, dict[str, Any], list[dict[str, Any]]],
    passwords: dict[str, str],
) -> None:
    old, new = (Dremio(home.settings) for home in homes)
    admin = homes[0].settings.admin_user
    for statement in RULES:
        old.sql(statement)
    old.sql(
        'CREATE FUNCTION "the.rules".eight(n INT) RETURNS INT RETURN twice(twice(twice(n)))',
        context=["the.rules"],
    )
    definitions = read_views(old)
    rights = read_rights(old, definitions, admin)
    assert len(rights.policies) == 2
    assert len(rights.owners) == 1
    assert write_views(new, definitions)[1] == {}
    assert sorted(map(str, read_views(new).functions)) == sorted(map(str, definitions.functions))

    # A Dremio that has no grants, and one that has no policies either, say so in a line or two.
    refusing = Free(homes[1].settings)
    done, left = write_rights(refusing, replace(rights, policies=()))
    assert (done, len(left)) == ("0 policies, 0 grants, 0 owners", 2)
    assert "the free edition has none" in left[f"all {len(rights.grants)} grants"]
    refusing.refused = "POLICY"
    done, left = write_rights(refusing, rights)
    assert done == "0 policies"
    unprotected, (*_, others) = [n for n in left if n.endswith("NOT PROTECTED")], left
    assert [n.split(" ")[2] for n in unprotected] == [
        '"bronze"."shop"."sold"',
        '"the.rules"."doubled"',
    ]
    assert others == f"all {len(rights.grants) + 1} grants and owners"

    assert write_rights(new, rights) == (f"2 policies, {len(rights.grants)} grants, 1 owners", {})
    assert read_rights(new, read_views(new), admin) == rights
    answers = {name: told(homes[0], name, BEFORE) for name in passwords}
    assert answers == {name: told(homes[1], name, secret) for name, secret in passwords.items()}
    assert answers["ann"][0] == [{"n": 200}]
    assert answers["Bo Ü"] == [[{"n": 8}], "denied", "denied", "denied"]
    assert answers["ann"][1:] != ["denied"] * 3
    assert [old.sql(query) for query in ASKED] == [new.sql(query) for query in ASKED]


def test_a_state_without_its_connection_is_an_error(homes: tuple[Home, Home]) -> None:
    _, new = homes
    with pytest.raises(NotFoundError, match="elsewhere"):
        write_states(Airbyte(new.settings), {"elsewhere": {"stateType": "stream"}})


def test_another_table_in_the_way_is_told(
    homes: tuple[Home, Home], moved: tuple[Manifest, dict[str, Any], list[dict[str, Any]]]
) -> None:
    _, new = homes
    (table,) = (t for t in moved[0].tables if t.bucket == "bronze")
    catalog: Catalog = lake.catalog(new.settings, "bronze")
    document = {"table-uuid": table.uuid}
    with pytest.raises(PermanentError, match="in the way"):  # it has moved on since
        catalog.adopt(table.namespace, table.name, table.metadata_location, document)


def test_a_document_without_a_version_has_no_hint(homes: tuple[Home, Home]) -> None:
    class Table:
        metadata_location = "s3://gold/lake/t/metadata/00001-abc.metadata.json"

    with pytest.raises(PermanentError, match="no version"):
        write_hint(lake.storage_client(homes[1].settings), Table())  # type: ignore[arg-type]


def test_the_command_refuses_what_it_cannot_move(homes: tuple[Home, Home], tmp_path: Path) -> None:
    old, _ = homes
    other = Home(tmp_path / "never")
    assert other.lakelet("migrate", "--to", "compose").returncode == 77
    refused = old.lakelet("migrate", "--to", "elsewhere")
    assert refused.returncode == 2
