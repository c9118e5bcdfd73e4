"""Who may do what: by SQL, by REST, over Flight, through views, reflections and listings."""

from __future__ import annotations

from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import httpx
import psycopg
import pytest
from adbc_driver_flightsql import DatabaseOptions
from pyarrow import flight

from tests.support.dremio import Dremio, JobFailed
from tests.support.people import refused
from tests.support.platform import Home


@pytest.fixture(scope="module", autouse=True)
def things(dremio: Dremio) -> None:
    """A table of two columns, a space with a view on it and a second one."""
    dremio.query(
        "CREATE TABLE gold.acl.pay (who VARCHAR, amount INT) AS VALUES ('ann', 10), ('bob', 20)"
    )
    dremio.query("CREATE SPACE acl")
    dremio.query("CREATE VIEW acl.total AS SELECT SUM(amount) AS total FROM gold.acl.pay")
    dremio.query("CREATE FOLDER acl.deep")


def test_nothing_is_seen_without_a_grant(people: Any, engine_home: Home) -> None:
    eve = people("eve")
    with refused(r"Access denied reading dataset gold.acl.pay"):
        eve.rest.query("SELECT * FROM gold.acl.pay")
    for hidden in (
        "SELECT * FROM acl.total",
        "SELECT * FROM gold.acl.pay AT SNAPSHOT '1'",
        "SELECT * FROM TABLE(table_snapshot('gold.acl.pay'))",
        "SELECT * FROM TABLE(table_files('gold.acl.pay'))",
        "SELECT * FROM TABLE(copy_errors('gold.acl.pay'))",
        "SELECT * FROM TABLE(gold.acl.pay (type => 'iceberg'))",
        "WITH pay AS (SELECT * FROM gold.acl.pay) SELECT * FROM pay",
        "SELECT (SELECT COUNT(*) FROM gold.acl.pay)",
        "EXPLAIN PLAN FOR SELECT * FROM gold.acl.pay",
        "DESCRIBE gold.acl.pay",
        "SHOW CREATE TABLE gold.acl.pay",
        "SHOW CREATE VIEW acl.total",
    ):
        with refused():
            eve.rest.query(hidden)
    with pytest.raises(flight.FlightUnauthorizedError, match="Access denied"):
        eve.flight("SELECT * FROM gold.acl.pay")
    assert eve.rest.rows("SELECT * FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_NAME='pay'") == []
    schemas = {row[0] for row in eve.rest.rows("SHOW SCHEMAS")}
    assert schemas == {"INFORMATION_SCHEMA", "sys", "@eve"}
    assert [c["path"] for c in eve.rest.http.get("/api/v3/catalog").json()["data"]] == [["@eve"]]
    assert eve.rest.http.get("/api/v3/catalog/by-path/gold/acl/pay").status_code == 403
    assert eve.rest.http.get("/apiv2/source/gold").status_code == 403
    assert eve.rest.rows("SELECT DISTINCT user_name FROM sys.jobs") == [("eve",)]
    with adbc.connect(
        engine_home.settings.flight_uri,
        db_kwargs={
            DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {eve.rest.token}",
        },
        autocommit=True,
    ) as connection:
        objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        listed = {s["db_schema_name"] for c in objects for s in c["catalog_db_schemas"]}
        assert "gold.acl" not in listed
        assert "acl" not in listed


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO gold.acl.pay VALUES ('eve', 1)",
        "UPDATE gold.acl.pay SET amount = 0",
        "DELETE FROM gold.acl.pay",
        "MERGE INTO gold.acl.pay p USING (VALUES('x', 1)) s(a, b) ON p.who = s.a "
        "WHEN MATCHED THEN UPDATE SET amount = 1",
        "TRUNCATE TABLE gold.acl.pay",
        "COPY INTO gold.acl.pay FROM '@gold/acl' FILE_FORMAT 'csv'",
        "OPTIMIZE TABLE gold.acl.pay",
        "VACUUM TABLE gold.acl.pay EXPIRE SNAPSHOTS OLDER_THAN '2020-01-01 00:00:00'",
        "ANALYZE TABLE gold.acl.pay FOR ALL COLUMNS COMPUTE STATISTICS",
        "CREATE FUNCTION acl.f(x INT) RETURNS INT RETURN SELECT x",
        "DROP TABLE gold.acl.pay",
        "ALTER TABLE gold.acl.pay ADD COLUMNS (c INT)",
        "ALTER TABLE gold.acl.pay REFRESH METADATA",
        "CREATE TABLE gold.acl.mine AS SELECT 1 AS a",
        "CREATE OR REPLACE TABLE gold.acl.pay AS SELECT 1 AS a",
        "CREATE VIEW acl.mine AS SELECT 1 AS a",
        "CREATE OR REPLACE VIEW acl.total AS SELECT 1 AS a",
        "DROP VIEW acl.total",
        "CREATE FOLDER acl.mine",
        "CREATE SPACE eves",
        "DROP SPACE acl",
        "CREATE USER someone",
        "ALTER USER eve2 SET PASSWORD 'long enough'",
        "DROP USER eve",
        "CREATE ROLE some_role",
        "GRANT ROLE ADMIN TO USER eve",
        "GRANT SELECT ON SYSTEM TO USER eve",
        "GRANT SELECT ON TABLE gold.acl.pay TO USER eve",
        "GRANT OWNERSHIP ON TABLE gold.acl.pay TO USER eve",
        "ALTER TABLE gold.acl.pay CREATE RAW REFLECTION r USING DISPLAY (who)",
    ],
)
def test_nothing_is_changed_without_a_grant(people: Any, dremio: Dremio, statement: str) -> None:
    eve = people("eve")
    before = dremio.rows("SELECT * FROM gold.acl.pay ORDER BY who")
    with pytest.raises(JobFailed) as failed:
        eve.rest.query(statement)
    message = failed.value.status["errorMessage"]
    assert "does not" in message or "Access denied" in message or "ADMIN" in message, message
    assert dremio.rows("SELECT * FROM gold.acl.pay ORDER BY who") == before


def test_a_privilege_on_a_container_holds_inside(people: Any, dremio: Dremio) -> None:
    anna = people("anna")
    for where in ("TABLE gold.acl.pay", "FOLDER gold.acl", "SOURCE gold", "SYSTEM"):
        dremio.query(f"GRANT SELECT ON {where} TO USER anna")
        assert len(anna.rest.rows("SELECT * FROM gold.acl.pay")) == 2
        with refused("INSERT privilege"):
            anna.rest.query("INSERT INTO gold.acl.pay VALUES ('x', 1)")
        dremio.query(f"REVOKE SELECT ON {where} FROM USER anna")
        with refused():
            anna.rest.query("SELECT * FROM gold.acl.pay")
    assert dremio.rows("SELECT * FROM sys.privileges WHERE grantee_id = 'anna'") == []


def test_a_view_is_run_with_its_owners_rights(people: Any, dremio: Dremio) -> None:
    bob, anna = people("bob"), people("anna")
    dremio.query("GRANT SELECT ON VIEW acl.total TO USER anna")
    assert anna.rest.rows("SELECT * FROM acl.total") == [(30,)]
    with refused():
        anna.rest.query("SELECT * FROM gold.acl.pay")
    # bob may make views and cannot read the table: nor can who is given his view.
    dremio.query("GRANT ALTER ON FOLDER acl.deep TO USER bob")
    with refused():
        bob.rest.query("CREATE VIEW acl.deep.leak AS SELECT * FROM gold.acl.pay")
    dremio.query("GRANT SELECT ON TABLE gold.acl.pay TO USER bob")
    bob.rest.query("CREATE VIEW acl.deep.leak AS SELECT * FROM gold.acl.pay")
    dremio.query("REVOKE SELECT ON TABLE gold.acl.pay FROM USER bob")
    dremio.query("GRANT SELECT ON VIEW acl.deep.leak TO USER anna")
    with refused("gold.acl.pay"):
        anna.rest.query("SELECT * FROM acl.deep.leak")
    dremio.query("GRANT OWNERSHIP ON VIEW acl.deep.leak TO USER " + _admin(dremio))
    assert len(anna.rest.rows("SELECT * FROM acl.deep.leak")) == 2
    dremio.query("DROP VIEW acl.deep.leak")
    assert not dremio.rows("SELECT * FROM sys.privileges WHERE object_id = 'acl.deep.leak'")


def test_a_function_is_run_with_its_owners_rights(people: Any, dremio: Dremio) -> None:
    eve = people("eve")
    dremio.query(
        "CREATE FUNCTION acl.paid() RETURNS BIGINT RETURN SELECT SUM(amount) FROM gold.acl.pay"
    )
    with refused("EXECUTE privilege"):
        eve.rest.query("SELECT acl.paid()")
    dremio.query("GRANT EXECUTE ON FUNCTION acl.paid TO ROLE PUBLIC")
    assert eve.rest.rows("SELECT acl.paid()") == [(30,)]
    with refused():
        eve.rest.query("SELECT * FROM gold.acl.pay")
    dremio.query("DROP FUNCTION acl.paid")


def test_roles_nest_and_end(people: Any, dremio: Dremio) -> None:
    carl = people("carl")
    for statement in (
        "CREATE ROLE readers",
        "CREATE ROLE staff",
        "GRANT ROLE readers TO ROLE staff",
        "GRANT ROLE staff TO USER carl",
        "GRANT SELECT, INSERT ON FOLDER gold.acl TO ROLE readers",
    ):
        dremio.query(statement)
    assert len(carl.rest.rows("SELECT * FROM gold.acl.pay")) == 2
    assert carl.rest.rows("SELECT IS_MEMBER('readers'), IS_MEMBER('ADMIN')") == [(True, False)]
    assert ("staff", "carl", "USER") in dremio.rows("SELECT * FROM sys.membership")
    assert ("readers", "role", "INSERT", "gold.acl", "FOLDER") in dremio.rows(
        "SELECT * FROM sys.privileges"
    )
    with refused("member of itself"):
        dremio.query("GRANT ROLE staff TO ROLE readers")
    dremio.query("REVOKE ROLE readers FROM ROLE staff")
    with refused():
        carl.rest.query("SELECT * FROM gold.acl.pay")
    dremio.query("GRANT ROLE readers TO USER carl")
    dremio.query("DROP ROLE readers")
    with refused():
        carl.rest.query("SELECT * FROM gold.acl.pay")
    with refused("cannot be dropped"):
        dremio.query("DROP ROLE PUBLIC")
    dremio.query("GRANT ROLE ADMIN TO USER carl")
    assert len(carl.rest.rows("SELECT * FROM gold.acl.pay")) == 2
    dremio.query("REVOKE ROLE ADMIN FROM USER carl")
    with refused():
        carl.rest.query("SELECT * FROM gold.acl.pay")


def test_who_makes_something_owns_it(people: Any, dremio: Dremio) -> None:
    dora, anna = people("dora"), people("anna")
    dremio.query("GRANT CREATE TABLE ON FOLDER gold.acl TO USER dora")
    dora.rest.query("CREATE TABLE gold.acl.doras AS SELECT 1 AS a")
    dora.rest.query("INSERT INTO gold.acl.doras VALUES (2)")
    dora.rest.query("GRANT SELECT ON TABLE gold.acl.doras TO USER anna")
    assert sorted(anna.rest.rows("SELECT * FROM gold.acl.doras")) == [(1,), (2,)]
    with refused("DROP privilege"):
        anna.rest.query("DROP TABLE gold.acl.doras")
    dora.rest.query("DROP TABLE gold.acl.doras")
    # A new table of that name is not anna's to read, nor dora's.
    dremio.query("CREATE TABLE gold.acl.doras AS SELECT 3 AS a")
    for person in (anna, dora):
        with refused():
            person.rest.query("SELECT * FROM gold.acl.doras")
    home = 'SELECT * FROM "@dora".v'
    dora.rest.query('CREATE VIEW "@dora".v AS SELECT 7 AS x')
    assert dora.rest.rows(home) == [(7,)]
    with refused():
        anna.rest.query(home)


def test_reflections_answer_only_who_may_read_the_dataset(people: Any, dremio: Dremio) -> None:
    eve = people("eve")
    assert eve.rest.http.get("/api/v3/reflection").json() == {"data": []}
    body = {"type": "RAW", "name": "r", "datasetId": "dremio:/gold/acl/pay", "displayFields": []}
    assert eve.rest.http.post("/api/v3/reflection", json=body).status_code == 403
    assert eve.rest.rows("SELECT * FROM sys.reflections") == []


def test_all_and_wrong_privileges(people: Any, dremio: Dremio) -> None:
    fred = people("fred")
    dremio.query("GRANT ALL ON TABLE gold.acl.pay TO USER fred")
    fred.rest.query("INSERT INTO gold.acl.pay VALUES ('fred', 1)")
    fred.rest.query("DELETE FROM gold.acl.pay WHERE who = 'fred'")
    with refused("MANAGE GRANTS"):
        fred.rest.query("GRANT SELECT ON TABLE gold.acl.pay TO USER anna")
    dremio.query("REVOKE ALL ON TABLE gold.acl.pay FROM USER fred")
    with refused("cannot be granted on TABLE"):
        dremio.query("GRANT CREATE TABLE ON TABLE gold.acl.pay TO USER fred")
    with refused("is a TABLE, not a VIEW"):
        dremio.query("GRANT SELECT ON VIEW gold.acl.pay TO USER fred")
    with refused("User nobody_there does not exist"):
        dremio.query("GRANT SELECT ON TABLE gold.acl.pay TO USER nobody_there")
    dremio.query("GRANT SELECT ON ALL DATASETS IN FOLDER gold.acl TO USER fred")
    assert len(fred.rest.rows("SELECT * FROM gold.acl.pay")) == 2


def test_rest_users_roles_and_grants(people: Any, dremio: Dremio) -> None:
    http = dremio.http
    gina = people("gina")
    user = http.get("/api/v3/user/by-name/gina").json()
    assert user["firstName"] == "Gina"
    assert [r["name"] for r in user["roles"]] == ["PUBLIC"]
    role = http.post("/api/v3/role", json={"name": "api_role", "description": "d"}).json()
    assert (role["type"], role["memberCount"]) == ("INTERNAL", 0)
    change = {"op": "add", "members": [{"id": user["id"], "type": "USER"}]}
    http.patch(f"/api/v3/role/{role['id']}/member", json=change).raise_for_status()
    assert http.get(f"/api/v3/role/{role['id']}").json()["memberCount"] == 1
    table = http.get("/api/v3/catalog/by-path/gold/acl/pay").json()
    address = f"/api/v3/catalog/{table['id']}/grants"
    grants = [{"privileges": ["SELECT"], "granteeType": "ROLE", "id": role["id"]}]
    assert http.put(address, json={"grants": grants}).status_code == 204
    told = http.get(address).json()
    assert [g["name"] for g in told["grants"]] == ["api_role"]
    assert "SELECT" in (told["availablePrivileges"])
    assert len(gina.rest.rows("SELECT * FROM gold.acl.pay")) == 2
    assert gina.rest.http.get(address).status_code == 403
    assert http.put(address, json={"grants": []}).status_code == 204
    with refused():
        gina.rest.query("SELECT * FROM gold.acl.pay")
    assert gina.rest.http.get("/api/v3/user").status_code == 403
    assert gina.rest.http.get(f"/api/v3/user/{user['id']}").status_code == 200
    assert gina.rest.http.delete(f"/api/v3/user/{user['id']}").status_code == 403
    http.put(f"/api/v3/user/{user['id']}", json={"active": False}).raise_for_status()
    assert gina.rest.http.get("/api/v3/catalog").status_code == 401
    assert http.delete(f"/api/v3/user/{user['id']}").status_code == 204
    assert http.get("/api/v3/user/by-name/gina").status_code == 404
    assert http.delete(f"/api/v3/role/{role['id']}").status_code == 204


def test_a_user_by_sql_logs_in_once_there_is_a_password(dremio: Dremio, engine_home: Home) -> None:
    url = engine_home.settings.dremio_url
    dremio.query("CREATE USER hugo")
    for password in ("", "first password"):
        answer = httpx.post(f"{url}/apiv2/login", json={"userName": "hugo", "password": password})
        assert answer.status_code == 401
    dremio.query("ALTER USER hugo SET PASSWORD 'first password'")
    hugo = Dremio(url, "hugo", "first password")
    job = dremio.wait(hugo.submit("ALTER USER hugo SET PASSWORD 'second password'"))
    assert job["jobState"] == "COMPLETED"
    assert hugo.http.get("/api/v3/catalog").status_code == 401  # the former log-in has ended
    Dremio(url, "hugo", "second password")
    told = dremio.rows("SELECT query FROM sys.jobs_recent WHERE query ILIKE 'ALTER USER%'")
    assert told
    assert not any("password'" in row[0] for row in told)
    dremio.query("DROP USER hugo")
    with pytest.raises(httpx.HTTPStatusError):
        Dremio(url, "hugo", "second password")


def test_personal_access_tokens(people: Any, dremio: Dremio, engine_home: Home) -> None:
    settings = engine_home.settings
    ivan = people("ivan")
    own = ivan.rest.http.get("/api/v3/user/by-name/ivan").json()["id"]
    address = f"/api/v3/user/{own}/token"
    body = {"label": "notebook", "millisecondsToExpire": 3_600_000}
    token = ivan.rest.http.post(address, json=body).raise_for_status().text
    assert dremio.http.post(address, json=body).status_code == 403  # not even an administrator
    for wrong in (0, -1, 10**20, "soon", None, 181 * 86_400_000):
        bad = ivan.rest.http.post(address, json={**body, "millisecondsToExpire": wrong})
        assert bad.status_code == 400, wrong
    listed = ivan.rest.http.get(address).json()["data"]
    assert [t["label"] for t in listed] == ["notebook"]
    assert token not in str(listed)
    bearer = {"Authorization": f"Bearer {token}"}
    url = settings.dremio_url
    assert httpx.get(f"{url}/api/v3/catalog", headers=bearer).status_code == 200
    with flight.FlightClient(settings.flight_uri) as client:
        for headers in (
            [client.authenticate_basic_token("ivan", token)],
            [(b"authorization", f"Bearer {token}".encode())],
        ):
            options = flight.FlightCallOptions(headers=headers)
            command = flight.FlightDescriptor.for_command("SELECT USER")
            info = client.get_flight_info(command, options)
            rows = client.do_get(info.endpoints[0].ticket, options).read_all()
            assert rows.to_pydict() == {"EXPR$0": ["ivan"]} or "ivan" in str(rows.to_pydict())
        with pytest.raises(flight.FlightUnauthenticatedError):
            client.authenticate_basic_token("anna", token)
    assert ivan.rest.http.delete(f"{address}/{listed[0]['tid']}").status_code == 204
    assert httpx.get(f"{url}/api/v3/catalog", headers=bearer).status_code == 401


@pytest.mark.ours("it looks into the server itself")
def test_no_token_is_kept_as_it_is(people: Any, engine_home: Home) -> None:
    ivan = people("ivan")
    own = ivan.rest.http.get("/api/v3/user/by-name/ivan").json()["id"]
    body = {"label": "kept", "millisecondsToExpire": 3_600_000}
    token = ivan.rest.http.post(f"/api/v3/user/{own}/token", json=body).raise_for_status().text
    with psycopg.connect(engine_home.settings.postgres_dsn("dremio")) as database:
        kept = database.execute("SELECT t::text FROM personal_token t").fetchall()
    assert kept
    assert token not in str(kept)


def _admin(dremio: Dremio) -> str:
    return f'"{dremio.rows("SELECT USER")[0][0]}"'
