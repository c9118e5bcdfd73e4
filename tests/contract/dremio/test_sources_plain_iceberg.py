"""Iceberg tables on plain buckets: written here, read by others; races and crashes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from minio import Minio
from pyiceberg.table import StaticTable

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.hadoop import HadoopCatalog
from services.dremio.state.lake.objects import Objects
from tests.support.dremio import Dremio, JobFailed, source_body
from tests.support.platform import Home, services_in

pytestmark = pytest.mark.ours("it writes to the storage behind the source")

_BUCKET = "warehouse"


def _root(home: Home) -> tuple[str, str]:
    settings = home.settings
    return settings.minio_root_user, settings.minio_root_password.get_secret_value()


def _client(home: Home) -> Minio:
    user, password = _root(home)
    return Minio(home.settings.s3_endpoint, user, password, secure=False)


def _body(home: Home, name: str, root: str) -> dict[str, Any]:
    body = source_body(home.settings, name, root)
    user, password = _root(home)
    body["config"] |= {"accessKey": user, "accessSecret": password}
    return body


@pytest.fixture(scope="module")
def s3(engine_home: Home) -> Minio:
    """The storage's own user, with a plain bucket made."""
    client = _client(engine_home)
    client.make_bucket(_BUCKET)
    return client


@pytest.fixture(scope="module")
def plain(dremio: Dremio, engine_home: Home, s3: Minio) -> str:
    """One source over every bucket, plain ones and table buckets."""
    body = _body(engine_home, "plain", "/")
    dremio.http.put("/apiv2/source/plain", json=body).raise_for_status()
    return "plain"


def _metadata(s3: Minio, folder: str) -> tuple[int, dict[str, Any]]:
    hint = s3.get_object(_BUCKET, f"{folder}/metadata/version-hint.text").read().decode()
    text = s3.get_object(_BUCKET, f"{folder}/metadata/v{hint}.metadata.json").read()
    return int(hint), json.loads(text)


def test_every_change(dremio: Dremio, plain: str, s3: Minio, engine_home: Home) -> None:
    """DDL and DML, each one more version; pyiceberg reads the same rows from the metadata file."""
    table = f"plain.{_BUCKET}.Shop.orders"
    dremio.query(f"CREATE TABLE {table} (id INT, name VARCHAR)")
    dremio.query(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    dremio.query(f"UPDATE {table} SET name = 'B' WHERE id = 2")
    dremio.query(f"DELETE FROM {table} WHERE id = 3")
    dremio.query(f"ALTER TABLE {table} ADD COLUMNS (price DOUBLE)")
    dremio.query(
        f"MERGE INTO {table} t USING (SELECT 1 AS id, 9.5 AS p UNION ALL SELECT 4, 8.5) s "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET price = s.p "
        "WHEN NOT MATCHED THEN INSERT (id, name, price) VALUES (s.id, 'new', s.p)"
    )
    expected = [(1, "a", 9.5), (2, "B", None), (4, "new", 8.5)]
    assert dremio.rows(f"SELECT * FROM {table} ORDER BY id") == expected
    version, metadata = _metadata(s3, "Shop/orders")
    assert version == 6
    assert metadata["location"] == f"s3://{_BUCKET}/Shop/orders"
    assert len(metadata["metadata-log"]) == 5
    user, password = _root(engine_home)
    static = StaticTable.from_metadata(
        f"s3://{_BUCKET}/Shop/orders/metadata/v{version}.metadata.json",
        {
            "s3.endpoint": f"http://{engine_home.settings.s3_endpoint}",
            "s3.access-key-id": user,
            "s3.secret-access-key": password,
            "s3.region": "us-east-1",
        },
    )
    rows = static.scan().to_arrow().sort_by("id").to_pylist()
    assert [tuple(row.values()) for row in rows] == expected
    # Names compare without case, the folder keeps its own.
    assert dremio.rows(f"SELECT COUNT(*) FROM plain.{_BUCKET}.shop.ORDERS") == [(3,)]


def test_replaced_in_one_version(dremio: Dremio, plain: str, s3: Minio) -> None:
    """CREATE OR REPLACE with other columns is one more version of the same folder."""
    table = f"plain.{_BUCKET}.swap.t"
    dremio.query(f"CREATE TABLE {table} AS SELECT 1 AS a")
    dremio.query(f"CREATE OR REPLACE TABLE {table} AS SELECT 'x' AS b, 2 AS c")
    assert dremio.query(f"SELECT * FROM {table}")["rows"] == [{"b": "x", "c": 2}]
    assert _metadata(s3, "swap/t")[0] == 2
    dremio.query(f"INSERT INTO {table} VALUES ('y', 3)")
    assert dremio.rows(f"SELECT COUNT(*) FROM {table}") == [(2,)]


def test_dropped(dremio: Dremio, plain: str, s3: Minio) -> None:
    """DROP TABLE removes the files; the name can be used again; it was listed until then."""
    table = f"plain.{_BUCKET}.gone.t"
    names = (
        'SELECT TABLE_NAME FROM INFORMATION_SCHEMA."TABLES" '
        f"WHERE TABLE_SCHEMA = 'plain.{_BUCKET}.gone'"
    )
    dremio.query(f"CREATE TABLE {table} AS SELECT 1 AS a")
    assert dremio.rows(names) == [("t",)]
    dremio.query(f"DROP TABLE {table}")
    assert list(s3.list_objects(_BUCKET, "gone/", recursive=True)) == []
    assert dremio.rows(names) == []
    with pytest.raises(JobFailed, match="not found"):
        dremio.query(f"SELECT * FROM {table}")
    dremio.query(f"CREATE TABLE {table} AS SELECT 2 AS a")
    assert dremio.rows(f"SELECT * FROM {table}") == [(2,)]


def test_a_table_bucket_in_the_same_source(dremio: Dremio, plain: str) -> None:
    """Plain buckets and table buckets side by side, joined; and a source rooted in a folder."""
    dremio.query("CREATE TABLE plain.silver.mixed.t AS SELECT 1 AS id, 'rest' AS how")
    dremio.query(f"CREATE TABLE plain.{_BUCKET}.mixed.t AS SELECT 1 AS id, 'file' AS how")
    rows = dremio.rows(
        f"SELECT a.how, b.how FROM plain.silver.mixed.t a JOIN plain.{_BUCKET}.mixed.t b USING (id)"
    )
    assert rows == [("rest", "file")]


def test_rooted_in_a_folder(dremio: Dremio, plain: str, engine_home: Home) -> None:
    """A source rooted in a folder of a bucket writes right there."""
    body = _body(engine_home, "rooted", f"/{_BUCKET}/deep/er")
    dremio.http.put("/apiv2/source/rooted", json=body).raise_for_status()
    dremio.query("CREATE TABLE rooted.t AS SELECT 7 AS a")
    assert dremio.rows(f'SELECT * FROM plain.{_BUCKET}.deep."er".t') == [(7,)]


def test_writers_of_one_engine_all_succeed(dremio: Dremio, plain: str, s3: Minio) -> None:
    """Many writers: each row is there once, each commit is a version."""
    table = f"plain.{_BUCKET}.many.t"
    dremio.query(f"CREATE TABLE {table} (id INT)")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: dremio.query(f"INSERT INTO {table} VALUES ({i})"), range(24)))
    assert [int(r[0]) for r in dremio.rows(f"SELECT id FROM {table} ORDER BY 1")] == list(range(24))
    assert _metadata(s3, "many/t")[0] == 25


def test_of_two_catalogs_one_wins(dremio: Dremio, plain: str, engine_home: Home) -> None:
    """The same change from two processes' catalogs: one version, the other is told to retry."""
    dremio.query(f"CREATE TABLE plain.{_BUCKET}.race.t AS SELECT 1 AS a")
    user, password = _root(engine_home)

    def catalog() -> HadoopCatalog:
        endpoint = engine_home.settings.s3_endpoint
        return HadoopCatalog(Objects(endpoint, user, password, secure=False, region="us-east-1"))

    schema = {"type": "assert-current-schema-id", "current-schema-id": 0}
    update = {"action": "set-properties", "updates": {"who": "me"}}

    def change(one: HadoopCatalog) -> str:
        try:
            one.commit(_BUCKET, ("race",), "t", {"requirements": [schema], "updates": [update]})
        except DremioError as error:
            return error.kind.name
        return "won"

    before = catalog().current(_BUCKET, "race/t")
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(change, [catalog() for _ in range(6)]))
    after = catalog().current(_BUCKET, "race/t")
    assert before is not None
    assert after is not None
    assert set(results) <= {"won", ErrorKind.CONCURRENT_MODIFICATION.name}
    assert after[0] - before[0] == results.count("won") >= 1


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A platform whose engine may be killed."""
    with services_in(tmp_path_factory.mktemp("crash"), "postgres", "storage") as home:
        yield home


def test_killed_while_writing(own_home: Home) -> None:
    """After kill -9 at any point every acknowledged row is there, and no half of a statement.

    On a plain bucket and on a table bucket. LAKELET_KILLS says how often it is killed (1).
    """
    _client(own_home).make_bucket(_BUCKET)
    process, session = _engine(own_home)
    session.http.put("/apiv2/source/plain", json=_body(own_home, "plain", "/")).raise_for_status()
    body = source_body(own_home.settings, "gold", "/gold/lake")
    session.http.put("/apiv2/source/gold", json=body).raise_for_status()
    tables = (f"plain.{_BUCKET}.k.t", "gold.k.t")
    three = "FROM (VALUES (1), (2), (3)) AS v(x)"
    for table in tables:
        session.query(f"CREATE TABLE {table} (batch INT)")
    for kill in range(int(os.environ.get("LAKELET_KILLS", "1"))):
        acknowledged = range(kill * 10, kill * 10 + 2)
        for table in tables:
            for batch in acknowledged:
                session.query(f"INSERT INTO {table} SELECT {batch} {three}")
        for table in tables:
            session.submit(f"INSERT INTO {table} SELECT {kill * 10 + 9} {three}")
        time.sleep(random.uniform(0, 0.2))  # noqa: S311 - anywhere on the way
        process.kill()
        process.wait()
        process, session = _engine(own_home)
        for table in tables:
            rows = session.rows(f"SELECT batch, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 1")
            found = {int(batch): int(count) for batch, count in rows}
            assert [found.get(batch) for batch in acknowledged] == [3, 3]
            assert found.get(kill * 10 + 9, 0) in (0, 3)
            session.query(f"INSERT INTO {table} VALUES ({kill * 10 + 5})")
    process.kill()
    process.wait()


def _engine(home: Home) -> tuple[subprocess.Popen[bytes], Dremio]:
    process = home.start_service("dremio")
    settings = home.settings
    password = settings.admin_password.get_secret_value()
    return process, Dremio(settings.dremio_url, settings.admin_user, password)
