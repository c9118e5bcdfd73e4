"""Files made datasets, and tables of plain buckets: who may read, promote and change them."""

from __future__ import annotations

import io
from collections.abc import Callable

import httpx
import pytest
from minio import Minio
from pyarrow import flight

from tests.support.dremio import Dremio, source_body
from tests.support.people import Person, refused
from tests.support.platform import Home

pytestmark = pytest.mark.ours("it writes to the storage behind the source")

_FILE = 'guarded.team."pay.csv"'
_TABLE = "guarded.team.ledger"


@pytest.fixture(scope="module", autouse=True)
def guarded(dremio: Dremio, engine_home: Home) -> None:
    """A source over a plain bucket with two files and an Iceberg table, and a view of a file."""
    settings = engine_home.settings
    user, password = settings.minio_root_user, settings.minio_root_password.get_secret_value()
    s3 = Minio(settings.s3_endpoint, user, password, secure=False)
    s3.make_bucket("guarded")
    for name in ("pay", "other"):
        s3.put_object("guarded", f"team/{name}.csv", io.BytesIO(b"ann,10\n"), 7)
    body = source_body(settings, "guarded", "/guarded")
    body["config"] |= {"accessKey": user, "accessSecret": password}
    dremio.http.put("/apiv2/source/guarded", json=body).raise_for_status()
    assert dremio.rows(f"SELECT * FROM {_FILE}") == [("ann", "10")]
    dremio.query(f"CREATE TABLE {_TABLE} AS SELECT 'ann' AS who, 10 AS amount")
    dremio.query("CREATE SPACE guards")
    dremio.query(
        "CREATE VIEW guards.once AS SELECT A FROM "
        "TABLE(guarded.team.\"other.csv\" (type => 'text', extractHeader => false))"
    )


def test_no_grant_no_rows_and_nothing_promoted(
    people: Callable[[str], Person], dremio: Dremio
) -> None:
    """Reading, reading in a format, promoting by query and by API, writing: all are refused."""
    mia = people("mia")
    once = "TABLE(guarded.team.\"other.csv\" (type => 'text'))"
    for dataset in (_FILE, _TABLE, once):
        with refused():
            mia.rest.query(f"SELECT * FROM {dataset}")
        with pytest.raises(flight.FlightUnauthorizedError, match="Access denied"):
            mia.flight(f"SELECT * FROM {dataset}")
    with refused("not found"):  # no dataset yet, and none is made by asking
        mia.rest.query('SELECT * FROM guarded.team."other.csv"')
    for statement in (
        f"INSERT INTO {_TABLE} VALUES ('mia', 1)",
        f"DROP TABLE {_TABLE}",
        f"ALTER TABLE {_FILE} FORGET METADATA",
        "CREATE TABLE guarded.team.mine AS SELECT 1 AS a",
        f"CREATE OR REPLACE TABLE {_TABLE} AS SELECT 1 AS a",
    ):
        with refused():
            mia.rest.query(statement)
    http = mia.rest.http
    for address in ("guarded/team/pay.csv", "guarded/team/other.csv", "guarded/team", "guarded"):
        assert http.get(f"/api/v3/catalog/by-path/{address}").status_code == 403, address
    assert http.get("/apiv2/source/guarded/file_format/team/pay.csv").status_code == 403
    assert http.put("/apiv2/source/guarded/file_format/team/pay.csv", json=_TEXT).status_code == 403
    assert http.post(_address("other"), json=_promotion("other")).status_code == 403
    known = dremio.http.get("/api/v3/catalog/by-path/guarded/team/pay.csv").json()
    changed = {**known, "format": _TEXT}
    assert http.put(f"/api/v3/catalog/{known['id']}", json=changed).status_code == 403
    assert http.delete(f"/api/v3/catalog/{known['id']}").status_code == 403
    assert dremio.http.get(_address("other")).json()["entityType"] == "file"


def test_a_grant_opens_what_it_names(people: Callable[[str], Person], dremio: Dremio) -> None:
    """SELECT reads and does not change a format; a view of files is its owner's reading."""
    noa = people("noa")
    dremio.query("GRANT SELECT ON VIEW guards.once TO USER noa")
    assert noa.rest.rows("SELECT * FROM guards.once") == [("ann",)]
    with refused():
        noa.rest.query("SELECT * FROM TABLE(guarded.team.\"other.csv\" (type => 'text'))")
    dremio.query(f"GRANT SELECT ON TABLE {_FILE} TO USER noa")
    dremio.query(f"GRANT SELECT ON TABLE {_TABLE} TO USER noa")
    assert noa.rest.rows(f"SELECT * FROM {_FILE}") == [("ann", "10")]
    assert noa.flight(f"SELECT * FROM {_TABLE}").to_pylist() == [{"who": "ann", "amount": 10}]
    folder = noa.rest.http.get("/api/v3/catalog/by-path/guarded/team").json()
    assert {child["path"][-1] for child in folder["children"]} == {"pay.csv", "ledger"}
    answer = _put_format(noa.rest.http)
    assert answer.status_code == 403
    dremio.query("GRANT ALTER ON FOLDER guarded.team TO USER noa")
    assert _put_format(noa.rest.http).status_code == 200
    # What is made a file again and promoted once more starts without grants.
    dremio.query(f"ALTER TABLE {_FILE} FORGET METADATA")
    assert dremio.rows(f"SELECT * FROM {_FILE}") == [("ann", "10")]
    with refused():
        noa.rest.query(f"SELECT * FROM {_FILE}")


_TEXT = {"type": "Text", "fieldDelimiter": ","}


def _put_format(http: httpx.Client) -> httpx.Response:
    return http.put("/apiv2/source/guarded/file_format/team/pay.csv", json=_TEXT)


def _address(name: str) -> str:
    return f"/api/v3/catalog/dremio%3A%2Fguarded%2Fteam%2F{name}.csv"


def _promotion(name: str) -> dict[str, object]:
    return {
        "entityType": "dataset",
        "path": ["guarded", "team", f"{name}.csv"],
        "type": "PHYSICAL_DATASET",
        "format": _TEXT,
    }
