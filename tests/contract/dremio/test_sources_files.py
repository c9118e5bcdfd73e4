"""Files of plain buckets and of the inbox as datasets: promoted by query, API and SQL."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from minio import Minio

from services.common.waiting import wait_until
from tests.support.dremio import Dremio, JobFailed, source_body
from tests.support.platform import Home

pytestmark = pytest.mark.ours("it writes to the storage behind the source")


def _parquet(rows: dict[str, list[Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(rows), sink)
    return sink.getvalue()


def _put(s3: Minio, key: str, content: bytes) -> None:
    s3.put_object("landing", key, io.BytesIO(content), len(content))


@pytest.fixture(scope="module")
def s3(engine_home: Home) -> Minio:
    """The storage's own user."""
    settings = engine_home.settings
    return Minio(
        settings.s3_endpoint,
        settings.minio_root_user,
        settings.minio_root_password.get_secret_value(),
        secure=False,
    )


@pytest.fixture(scope="module")
def landing(dremio: Dremio, engine_home: Home, s3: Minio) -> str:
    """A source over the plain bucket `landing`, and files in it."""
    _put(s3, "csv/people.csv", b'name,note\nAda,"a, b"\nBob,\n')
    _put(s3, "json/a.json", b'{"id": 1, "day": "2026-01-02", "in": {"x": [1, 2]}}\n')
    _put(s3, "json/b.json", b'{"id": 2, "more": true}\n')
    for day, rows in (("2026-01-01", [1, 2]), ("2026-01-02", [3])):
        _put(s3, f"trips/day={day}/hour=7/part.parquet", _parquet({"id": rows}))
    _put(s3, "trips/_SUCCESS", b"")
    _put(s3, "mixed/a.csv", b"1\n")
    _put(s3, "mixed/b.json", b"{}\n")
    _put(s3, "odd/readme.xyz", b"?")
    body = source_body(engine_home.settings, "landing", "/landing")
    answer = dremio.http.put("/apiv2/source/landing", json=body)
    assert answer.status_code == 200, answer.text
    return "landing"


def test_a_file_is_a_dataset_when_first_queried(dremio: Dremio, landing: str) -> None:
    """Dremio reads delimited text without a header as columns A, B …, all text."""
    rows = dremio.query('SELECT * FROM landing.csv."people.csv"')["rows"]
    assert rows == [
        {"A": "name", "B": "note"},
        {"A": "Ada", "B": "a, b"},
        {"A": "Bob", "B": ""},
    ]
    found = dremio.http.get("/api/v3/catalog/by-path/landing/csv/people.csv").json()
    assert found["type"] == "PHYSICAL_DATASET"
    assert found["format"]["type"] == "Text"
    assert [f["name"] for f in found["fields"]] == ["A", "B"]


def test_formatted_over_the_api_and_back(dremio: Dremio, landing: str) -> None:
    """POST promotes with a format, PUT changes it, DELETE makes it a file again."""
    file = dremio.http.get("/api/v3/catalog/by-path/landing/odd/readme.xyz").json()
    assert file["entityType"] == "file"
    path = ["landing", "odd", "readme.xyz"]
    body = {
        "entityType": "dataset",
        "id": file["id"],
        "path": path,
        "type": "PHYSICAL_DATASET",
        "format": {"type": "Text", "fieldDelimiter": ";"},
    }
    made = dremio.http.post("/api/v3/catalog/" + file["id"].replace("/", "%2F"), json=body)
    assert made.status_code == 200, made.text
    assert dremio.rows('SELECT * FROM landing.odd."readme.xyz"') == [("?",)]
    again = dremio.http.post("/api/v3/catalog/" + file["id"].replace("/", "%2F"), json=body)
    assert again.status_code == 409
    changed = {**made.json(), "format": {"type": "Text", "extractHeader": True}}
    answer = dremio.http.put(f"/api/v3/catalog/{made.json()['id']}", json=changed)
    assert answer.status_code == 200, answer.text
    assert [f["name"] for f in answer.json()["fields"]] == ["?"]
    assert dremio.http.delete(f"/api/v3/catalog/{made.json()['id']}").status_code == 204
    file = dremio.http.get("/api/v3/catalog/by-path/landing/odd/readme.xyz").json()
    assert file["entityType"] == "file"
    with pytest.raises(JobFailed, match="format is not known"):
        dremio.query('SELECT * FROM landing.odd."readme.xyz"')
    bad = {**body, "format": {"type": "Text", "fieldDelimiter": 7}}
    answer = dremio.http.post("/api/v3/catalog/" + file["id"].replace("/", "%2F"), json=bad)
    assert answer.status_code == 400


def test_formatted_as_dbt_dremio_does(dremio: Dremio, landing: str) -> None:
    """The older endpoints; a header; types stay text."""
    answer = dremio.http.put(
        "/apiv2/source/landing/file_format/csv/people.csv",
        json={"type": "Text", "extractHeader": True, "lineDelimiter": "\n"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["fileFormat"]["extractHeader"] is True
    rows = dremio.query('SELECT name, note FROM landing.csv."people.csv" ORDER BY 1')["rows"]
    assert rows == [{"name": "Ada", "note": "a, b"}, {"name": "Bob", "note": ""}]


def test_a_query_gives_the_format(dremio: Dremio, landing: str) -> None:
    """`TABLE(path (type => …))` reads once in that format."""
    rows = dremio.rows(
        "SELECT name FROM TABLE(landing.csv.\"people.csv\" (type => 'text', "
        "fieldDelimiter => ',', extractHeader => true)) ORDER BY 1"
    )
    assert rows == [("Ada",), ("Bob",)]
    rows = dremio.rows(
        "SELECT * FROM TABLE(landing.csv.\"people.csv\" (type => 'text', fieldDelimiter => '|'))"
    )
    assert rows == [("name,note",), ('Ada,"a, b"',), ("Bob,",)]


def test_a_folder_of_json(dremio: Dremio, landing: str) -> None:
    """Columns of all files; text stays text; nested values are lists and structs."""
    rows = dremio.query('SELECT id, "day", t."in".x[1] AS x, more FROM landing.json t ORDER BY id')
    assert [tuple(r.values()) for r in rows["rows"]] == [
        (1, "2026-01-02", 2, None),
        (2, None, None, True),
    ]
    described = {r[0]: r[1] for r in dremio.rows("DESCRIBE landing.json")}
    assert described["day"] == "CHARACTER VARYING"
    assert described["id"] == "BIGINT"


def test_folders_between_become_columns(
    dremio: Dremio, landing: str, engine_home: Home, s3: Minio
) -> None:
    """dir0, dir1 as Dremio names them; with partition inference by their keys; files pruned."""
    rows = dremio.rows("SELECT dir0, dir1, SUM(id) FROM landing.trips GROUP BY 1, 2 ORDER BY 1")
    assert [(r[0], r[1], int(r[2])) for r in rows] == [
        ("day=2026-01-01", "hour=7", 3),
        ("day=2026-01-02", "hour=7", 3),
    ]
    [(plan, _)] = dremio.rows(
        "EXPLAIN PLAN FOR SELECT id FROM landing.trips WHERE dir0 = 'day=2026-01-02'"
    )
    assert "scanning files=[1/2]" in plan, plan  # one is left out by its name, before any is read
    body = source_body(engine_home.settings, "keyed", "/landing")
    body["config"]["isPartitionInferenceEnabled"] = True
    dremio.http.put("/apiv2/source/keyed", json=body).raise_for_status()
    rows = dremio.rows('SELECT id, "day", "hour" FROM keyed.trips WHERE "day" = \'2026-01-02\'')
    assert rows == [(3, "2026-01-02", "7")]


def test_the_first_and_last_folder_by_name(dremio: Dremio, landing: str, s3: Minio) -> None:
    for name in ("a", "A", "B", "b"):
        _put(s3, f"cases/{name}/x.csv", b"1\n")
    asked = "MINDIR('landing', '/cases'), MAXDIR('landing', 'cases'), IMINDIR('landing', '/cases/')"
    assert dremio.rows(f"SELECT {asked} FROM (VALUES (1)) t(x)") == [("A", "b", "A")]
    latest = "SELECT SUM(id) FROM landing.trips WHERE dir0 = MAXDIR('landing', '/trips')"
    assert dremio.rows(latest) == [(3,)]
    assert dremio.rows("SELECT MAXDIR('landing', '/csv')") == [(None,)]
    _put(s3, "cases/c/x.csv", b"1\n")
    wait_until(
        lambda: dremio.rows("SELECT IMAXDIR('landing', '/cases')") == [("c",)],
        seconds=60,
        what="a new folder",
    )
    for wrong, why in (
        ("MAXDIR('landing', '/none')", "Folder 'none' not found"),
        ("MAXDIR('nowhere', '/x')", "Source 'nowhere' not found"),
        ("MAXDIR('landing', CAST(1 AS VARCHAR))", "string literals"),
    ):
        with pytest.raises(JobFailed, match=why):
            dremio.query(f"SELECT {wrong}")


def test_new_files_and_refresh(dremio: Dremio, landing: str, s3: Minio) -> None:
    """REFRESH METADATA shows new files and columns; FORGET METADATA makes it a folder again."""
    _put(s3, "grows/a.parquet", _parquet({"id": [1]}))
    assert dremio.rows("SELECT * FROM landing.grows") == [(1,)]
    _put(s3, "grows/b.parquet", _parquet({"id": [2], "name": ["x"]}))
    dremio.query("ALTER PDS landing.grows REFRESH METADATA")
    assert dremio.rows("SELECT id, name FROM landing.grows ORDER BY id") == [(1, None), (2, "x")]
    names = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_SCHEMA = 'landing'"
    assert ("grows",) in dremio.rows(names)
    dremio.query("ALTER TABLE landing.grows FORGET METADATA")
    assert ("grows",) not in dremio.rows(names)


def test_delta(dremio: Dremio, landing: str, s3: Minio) -> None:
    """A Delta table is read by its log: files that it does not name are not."""
    data = _parquet({"id": [1, 2]})
    _put(s3, "delta/part-0.parquet", data)
    _put(s3, "delta/left-over.parquet", _parquet({"id": [99]}))
    schema = {
        "type": "struct",
        "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}],
    }
    log = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "11111111-1111-1111-1111-111111111111",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(schema),
                "partitionColumns": [],
                "configuration": {},
                "createdTime": 1,
            }
        },
        {
            "add": {
                "path": "part-0.parquet",
                "partitionValues": {},
                "size": len(data),
                "modificationTime": 1,
                "dataChange": True,
            }
        },
    ]
    text = "\n".join(json.dumps(entry) for entry in log)
    _put(s3, "delta/_delta_log/00000000000000000000.json", text.encode())
    assert dremio.rows("SELECT id FROM landing.delta ORDER BY id") == [(1,), (2,)]


def test_refused(dremio: Dremio, landing: str) -> None:
    """Mixed folders, missing files, and changes of files are refused by name."""
    with pytest.raises(JobFailed, match="several formats"):
        dremio.query("SELECT * FROM landing.mixed")
    with pytest.raises(JobFailed, match="not found"):
        dremio.query('SELECT * FROM landing."nothing.csv"')
    with pytest.raises(JobFailed, match="read-only"):
        dremio.query("DELETE FROM landing.json")
    with pytest.raises(JobFailed):
        dremio.query("CREATE TABLE landing.t AS SELECT 1 AS a")  # its user may only read there


def test_listed_over_rest(dremio: Dremio, landing: str) -> None:
    """Folders and files are children; nothing is promoted by looking."""
    children = dremio.http.get("/api/v3/catalog/by-path/landing/mixed").json()["children"]
    assert [(c["path"][-1], c["type"]) for c in children] == [("a.csv", "FILE"), ("b.json", "FILE")]
    source = dremio.http.get("/api/v3/catalog/by-path/landing").json()
    assert {"csv", "json", "trips"} <= {c["path"][-1] for c in source["children"]}


def test_no_automatic_promotion_when_told(dremio: Dremio, landing: str, engine_home: Home) -> None:
    """`autoPromoteDatasets: false`: a file has to be formatted first."""
    body = source_body(engine_home.settings, "strict", "/landing")
    body["metadataPolicy"] = {"autoPromoteDatasets": False}
    dremio.http.put("/apiv2/source/strict", json=body).raise_for_status()
    with pytest.raises(JobFailed, match="not found"):
        dremio.query('SELECT * FROM strict.csv."people.csv"')


def test_the_inbox(dremio: Dremio, engine_home: Home) -> None:
    """A NAS source reads below the inbox alone, whatever links lie in it."""
    inbox = engine_home.settings.inbox_dir
    (inbox / "shelf").mkdir(parents=True)
    (inbox / "shelf" / "a.json").write_text('{"id": 5}\n')
    (engine_home.folder / "secret.json").write_text('{"id": 6}\n')
    (inbox / "shelf" / "link.json").symlink_to(engine_home.folder / "secret.json")

    def source(name: str, path: str) -> Any:
        body = {"entityType": "source", "name": name, "type": "NAS", "config": {"path": path}}
        return dremio.http.post("/api/v3/catalog", json=body)

    assert source("shelf", "/shelf").json()["state"]["status"] == "good"
    assert dremio.rows('SELECT id FROM shelf."a.json"') == [(5,)]
    with pytest.raises(JobFailed, match="not found"):
        dremio.query('SELECT id FROM shelf."link.json"')
    with pytest.raises(JobFailed, match="not found"):
        dremio.query('SELECT id FROM shelf.".."."..".".."."secret.json"')
    for name, path in (("out1", str(engine_home.folder)), ("out2", "/../.."), ("out3", "/etc")):
        answer = source(name, path)
        shown = answer.json()
        if answer.status_code == 200:
            assert shown["children"] == []
            with pytest.raises(JobFailed):
                dremio.query(f'SELECT * FROM {name}."passwd"')
        else:
            assert answer.status_code == 400, shown
            assert "only folders of the inbox" in shown["errorMessage"]
