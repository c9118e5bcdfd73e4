"""Dremio's REST API: log-in, jobs, catalog, wikis, errors."""

from __future__ import annotations

import contextlib
import uuid

import httpx
import pytest

from services.common.waiting import wait_until
from tests.support.dremio import Dremio, JobFailed, source_body
from tests.support.platform import Home


def test_log_in_and_every_form_of_token(engine_home: Home, dremio: Dremio) -> None:
    http = httpx.Client(base_url=engine_home.settings.dremio_url, timeout=60)
    assert http.get("/apiv2/server_status").json() == "OK"
    refused = http.post("/apiv2/login", json={"userName": "admin", "password": "wrong"})
    assert refused.status_code == 401
    assert refused.json()["errorMessage"]
    for header in (
        f"_dremio{dremio.token}",
        f"Bearer {dremio.token}",
        f"bearer {dremio.token}",
        dremio.token,
    ):
        answer = http.get("/api/v3/catalog", headers={"Authorization": header})
        assert answer.status_code == 200, header
    for header in ("", "_dremio", "Bearer nope", f"_dremio{dremio.token}x"):
        assert http.get("/api/v3/catalog", headers={"Authorization": header}).status_code == 401
    mine = Dremio(
        engine_home.settings.dremio_url,
        engine_home.settings.admin_user,
        engine_home.settings.admin_password.get_secret_value(),
    )
    assert mine.http.delete("/apiv2/login").status_code == 204
    assert mine.http.get("/api/v3/catalog").status_code == 401


def test_results_come_in_pages_of_at_most_500(dremio: Dremio) -> None:
    digits = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) "
    sql = (
        f"SELECT a.n * 100 + b.n * 10 + c.n AS n FROM {digits} a(n), {digits} b(n), {digits} c(n) "
        "ORDER BY 1"
    )
    job = dremio.submit(sql)
    assert dremio.wait(job)["rowCount"] == 1000
    page = dremio.http.get(f"/api/v3/job/{job}/results?offset=498&limit=4").json()
    assert page["rowCount"] == 1000
    assert [row["n"] for row in page["rows"]] == [498, 499, 500, 501]
    assert len(dremio.http.get(f"/api/v3/job/{job}/results").json()["rows"]) == 100
    too_many = dremio.http.get(f"/api/v3/job/{job}/results?limit=501")
    assert too_many.status_code == 400
    assert "500" in too_many.json()["errorMessage"]
    assert [n for (n,) in dremio.rows(sql)] == list(range(1000))


def test_a_failed_job_tells_why_and_has_no_results(dremio: Dremio) -> None:
    job = dremio.submit("SELECT nope FROM (VALUES (1)) t(a)")
    status = dremio.wait(job)
    assert status["jobState"] == "FAILED"
    assert "nope" in status["errorMessage"]
    assert dremio.http.get(f"/api/v3/job/{job}/results").status_code == 400
    assert dremio.http.get(f"/api/v3/job/{uuid.uuid4()}").status_code == 404
    assert dremio.http.get("/api/v3/job/nonsense").status_code == 404


def test_a_running_job_can_be_canceled(dremio: Dremio) -> None:
    numbers = "(VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10))"
    crossed = ", ".join(f"{numbers} t{i}(x{i})" for i in range(12))
    job = dremio.submit(f"SELECT count(*), sum(x0 * x11) FROM {crossed}")

    def running() -> bool:
        return bool(dremio.http.get(f"/api/v3/job/{job}").json()["jobState"] == "RUNNING")

    wait_until(running, seconds=60, what="the job")
    assert dremio.http.post(f"/api/v3/job/{job}/cancel").status_code == 204
    assert dremio.wait(job)["jobState"] == "CANCELED"


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[]", b'{"sql": 5}', b'{"sql": "SELECT 1", "context": 1}']
)
def test_malformed_requests_are_the_clients_mistake(dremio: Dremio, body: bytes) -> None:
    answer = dremio.http.post("/api/v3/sql", content=body)
    assert answer.status_code == 400
    assert answer.json()["errorMessage"]


def test_the_catalog_as_dbt_uses_it(dremio: Dremio) -> None:
    http = dremio.http
    space = http.post("/api/v3/catalog", json={"entityType": "space", "name": "Shop Space"}).json()
    again = http.post("/api/v3/catalog", json={"entityType": "space", "name": "shop space"})
    assert again.status_code == 409
    folder = http.post(
        "/api/v3/catalog", json={"entityType": "folder", "path": ["Shop Space", "a/b"]}
    )
    assert folder.status_code == 200
    found = http.get("/api/v3/catalog/by-path/Shop%20Space/a%2Fb").json()
    assert found["id"] == folder.json()["id"]
    inside = http.post("/api/v3/catalog", json={"entityType": "folder", "path": ["gold", "x"]})
    assert inside.status_code == 400
    assert "Can not create a folder inside a [SOURCE]" in inside.json()["errorMessage"]
    view = {
        "entityType": "dataset",
        "type": "VIRTUAL_DATASET",
        "path": ["Shop Space", "a/b", "v"],
        "sql": "SELECT 1 AS one",
    }
    made = http.post("/api/v3/catalog", json=view).json()
    assert made["fields"] == [{"name": "one", "type": {"name": "INTEGER"}}]
    changed = {**made, "sql": "SELECT 'x' AS two"}
    updated = http.put(f"/api/v3/catalog/{made['id']}", json=changed).json()
    assert updated["fields"][0]["name"] == "two"
    assert http.put(f"/api/v3/catalog/{made['id']}", json=changed).status_code == 409  # old tag
    assert http.delete(f"/api/v3/catalog/{space['id']}").status_code == 204
    assert http.get(f"/api/v3/catalog/{made['id']}").status_code == 404
    assert http.get("/api/v3/catalog/by-path/Shop%20Space").status_code == 404


def test_tables_have_an_id_wiki_and_tags_until_dropped(dremio: Dremio) -> None:
    http = dremio.http
    dremio.query("CREATE TABLE gold.noted AS SELECT 1 AS id")
    table = http.get("/api/v3/catalog/by-path/gold/NOTED").json()
    assert table["type"] == "PHYSICAL_DATASET"
    assert table["fields"] == [{"name": "id", "type": {"name": "INTEGER"}}]
    address = f"/api/v3/catalog/{table['id']}/collaboration"
    assert "version" not in http.get(f"{address}/wiki").json()
    first = http.post(f"{address}/wiki", json={"text": "# hello"}).json()
    assert http.post(f"{address}/wiki", json={"text": "lost"}).status_code == 409
    second = http.post(f"{address}/wiki", json={"text": "# bye", "version": first["version"]})
    assert second.json()["version"] != first["version"]
    assert http.get(f"{address}/wiki").json()["text"] == "# bye"
    tags = http.post(f"{address}/tag", json={"tags": ["a", "b"]}).json()
    assert http.get(f"{address}/tag").json() == {"tags": ["a", "b"], "version": tags["version"]}
    assert http.get(f"/api/v3/dataset/{table['id']}/reflection").json() == {"data": []}
    dremio.query("DROP TABLE gold.noted")
    assert http.get(f"/api/v3/catalog/{table['id']}").status_code == 404


@pytest.mark.ours("it needs the storage's secret, and looks into the server itself")
def test_a_sources_secret_is_never_told(engine_home: Home, dremio: Dremio) -> None:
    http = dremio.http
    secret = engine_home.settings.dremio_s3_secret_key.get_secret_value()
    body = source_body(engine_home.settings, "kept", "/gold/kept")
    answer = http.put("/apiv2/source/kept", json=body)
    assert secret not in answer.text
    shown = http.get("/api/v3/catalog/by-path/kept").json()
    assert shown["config"]["accessSecret"] == "$DREMIO_EXISTING_VALUE$"
    # Sent back as shown, the stored secret stays and still opens the bucket.
    assert http.put("/apiv2/source/kept", json=shown).status_code == 200
    dremio.query("CREATE TABLE kept.t AS SELECT 1 AS a")
    assert dremio.rows("SELECT a FROM kept.t") == [(1,)]
    dump = engine_home.settings.data_dir / "dremio"
    for path in dump.rglob("*"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # files come and go
            assert secret not in path.read_text("latin-1"), path
    bad = {**body, "config": {**body["config"], "accessSecret": ""}}
    assert http.put("/apiv2/source/unset", json=bad).status_code == 400
    assert http.get("/api/v3/catalog/by-path/unset").status_code == 404
    assert http.delete("/apiv2/source/kept").status_code == 204
    with pytest.raises(JobFailed, match="not found"):
        dremio.query("SELECT * FROM kept.t")


def test_a_users_jobs_are_their_own(engine_home: Home, dremio: Dremio) -> None:
    created = dremio.http.post("/api/v3/user", json={"name": "ann", "password": "ann-secret-1"})
    assert created.status_code == 200
    ann = Dremio(engine_home.settings.dremio_url, "ANN", "ann-secret-1")
    assert ann.rows("SELECT 1") == [(1,)]
    job = dremio.submit("SELECT 1")
    dremio.wait(job)
    assert ann.http.get(f"/api/v3/job/{job}").status_code == 404
    refused = ann.http.post("/api/v3/user", json={"name": "bob", "password": "bob-secret-1"})
    assert refused.status_code == 403
