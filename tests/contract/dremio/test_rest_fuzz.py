"""Malformed requests of every address: whatever is sent, the client's mistake is never a 500.

FUZZ_EXAMPLES in the environment sets how many requests each address gets (12).
"""

from __future__ import annotations

import os
import re
import uuid
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.dremio.wire.rest.routes import ROUTES
from tests.support.dremio import Dremio, source_body
from tests.support.people import maker
from tests.support.platform import Home

pytestmark = pytest.mark.ours("the addresses are those of our routes")

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
# Names that handlers look for: only then do odd values get far enough to hurt.
_FIELDS = (
    "sql", "context", "entityType", "type", "name", "path", "config", "tag", "id", "text", "tags",
    "version", "format", "fields", "userName", "password", "firstName", "grants", "privileges",
    "granteeType", "members", "op", "label", "millisecondsToExpire", "datasetId", "displayFields",
    "dimensionFields", "measureFields", "enabled", "jobIds", "sqlContext", "metadataPolicy",
    "fieldDelimiter", "roles", "active", "description", "queries",
)  # fmt: skip
_WORDS = (
    "fuzzed", "space", "folder", "source", "dataset", "VIRTUAL_DATASET", "PHYSICAL_DATASET", "S3",
    "NAS", "POSTGRES", "ELASTIC", "RAW", "AGGREGATION", "Text", "Parquet", "SELECT 1", "add",
    "remove", "USER", "ROLE", "SELECT", "dremio:/fuzzed/fuzz/t", "dremio:/fuzzed/fuzz",
    "dremio:/", "@admin", "..", "a/b", "%", "\x00", "\ud7ff", "'", '"', "\\", "💥", "",
)  # fmt: skip
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.sampled_from(_WORDS),
    st.text(max_size=12),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4),
    ),
    max_leaves=8,
)
_BODIES = st.one_of(
    st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=6).map(
        lambda value: orjson.dumps(value)
    ),
    _VALUES.map(lambda value: orjson.dumps(value)),
    st.binary(max_size=20),
    st.just(b"[" * 5000),
    st.just(b'{"sql": "' + b"(" * 3000 + b'"}'),
)
_KNOWN: list[str] = []
_IDS = st.one_of(
    st.integers(0, 8).map(lambda at: _KNOWN[at]),
    st.sampled_from(_WORDS),
    st.uuids().map(str),
    st.text(min_size=1, max_size=12),
    st.just("x" * 5000),
)
_QUERIES = st.dictionaries(
    st.sampled_from(("offset", "limit", "tag", "version", "maxChildren", "pageToken", "x")),
    st.one_of(st.sampled_from(_WORDS), st.integers().map(str)),
    max_size=2,
)


@pytest.fixture(scope="module")
def http(dremio: Dremio, engine_home: Home) -> Any:
    """A session of an administrator whose own things may break."""
    person = maker(engine_home.settings, dremio)(f"fuzz_{uuid.uuid4().hex[:6]}")
    dremio.query(f"GRANT ROLE ADMIN TO USER {person.name}")
    body = source_body(engine_home.settings, "fuzzed", "/gold")
    dremio.http.put("/apiv2/source/fuzzed", json=body).raise_for_status()
    dremio.query("CREATE TABLE fuzzed.fuzz.t AS SELECT 1 AS a, 'x' AS b")
    dremio.query("CREATE SPACE fuzz")
    dremio.query("CREATE VIEW fuzz.v AS SELECT a FROM fuzzed.fuzz.t")
    dremio.query("CREATE FUNCTION fuzz.f(x INT) RETURNS INT RETURN SELECT x")
    get = person.rest.http.get
    victim = person.rest.http.post(
        "/api/v3/user", json={"name": "fuzz_victim", "password": "12345678a"}
    )
    role = person.rest.http.post("/api/v3/role", json={"name": "fuzz_role"})
    _KNOWN[:] = [
        *(
            get(f"/api/v3/catalog/by-path/{path}").raise_for_status().json()["id"]
            for path in ("fuzzed", "fuzzed/fuzz/t", "fuzz", "fuzz/v", "fuzz/f", "fuzzed/fuzz")
        ),
        victim.raise_for_status().json()["id"],
        role.raise_for_status().json()["id"],
        person.rest.submit("SELECT * FROM fuzz.v"),
    ]
    return person.rest.http


_ODD: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/api/v3/catalog", {"entityType": "space", "name": "a\x00b"}),
    ("POST", "/api/v3/catalog", {"entityType": "folder", "path": ["fuzz", "\x00"]}),
    ("POST", "/api/v3/catalog", {"entityType": "folder", "path": ["fuzz", ""]}),
    ("POST", "/api/v3/catalog", {"entityType": ["space"], "name": "x"}),
    (
        "POST",
        "/api/v3/catalog",
        {
            "entityType": "dataset",
            "type": "VIRTUAL_DATASET",
            "path": ["fuzz", "w"],
            "sql": "SELECT 1",
            "sqlContext": 5,
        },
    ),
    (
        "POST",
        "/api/v3/catalog",
        {
            "entityType": "dataset",
            "type": "VIRTUAL_DATASET",
            "path": ["fuzz", "w"],
            "sql": "(" * 2000 + "SELECT 1",
        },
    ),
    (
        "POST",
        "/api/v3/catalog",
        {
            "entityType": "source",
            "type": "S3",
            "name": "f2",
            "config": {"propertyList": 5, "rootPath": 7},
        },
    ),
    (
        "POST",
        "/api/v3/catalog",
        {
            "entityType": "source",
            "type": "POSTGRES",
            "name": "f3",
            "config": {"hostname": [], "port": {}},
        },
    ),
    (
        "POST",
        "/api/v3/catalog",
        {"entityType": "source", "type": "NAS", "name": "f4", "config": {"path": "\x00"}},
    ),
    ("POST", "/api/v3/sql", {"sql": "SELECT '\x00'"}),
    ("POST", "/api/v3/sql", {"sql": "SELECT 1", "context": ["\x00"]}),
    ("POST", "/api/v3/user", {"name": "\x00", "password": "12345678a"}),
    ("POST", "/api/v3/user", {"name": "x" * 10_000, "password": "12345678a"}),
    ("POST", "/api/v3/user", {"name": "n1", "password": "12345678a", "roles": 5}),
    ("POST", "/api/v3/user", {"name": "n2", "password": "12345678a", "roles": [5, {"id": []}]}),
    ("POST", "/api/v3/role", {"name": "\x00", "description": 5}),
    ("POST", "/api/v3/role", {"name": "r\x00"}),
    ("PATCH", "/api/v3/role/{role}/member", {"op": "add", "members": [5]}),
    ("PATCH", "/api/v3/role/{role}/member", {"op": "add", "members": [{"id": 5, "type": []}]}),
    ("PUT", "/api/v3/catalog/{view}/grants", {"grants": [{"privileges": 5}]}),
    ("PUT", "/api/v3/catalog/{view}/grants", {"grants": [5]}),
    ("PUT", "/api/v3/catalog/{view}", {"tag": {}, "sql": "SELECT 1", "entityType": []}),
    ("POST", "/api/v3/catalog/{view}/collaboration/wiki", {"text": "\x00", "version": {}}),
    ("POST", "/api/v3/catalog/{view}/collaboration/wiki", {"text": "x", "version": 2**62}),
    ("POST", "/api/v3/catalog/{view}/collaboration/tag", {"tags": [5, {}], "version": 5}),
    ("POST", "/api/v3/catalog/{view}/collaboration/tag", {"tags": ["\x00"], "version": "x"}),
    ("POST", "/api/v3/reflection", {"datasetId": 5, "type": {}, "name": []}),
    (
        "POST",
        "/api/v3/reflection",
        {"datasetId": "{view}", "type": "RAW", "name": "\x00", "displayFields": [{"name": "a"}]},
    ),
    (
        "POST",
        "/api/v3/reflection",
        {"datasetId": "{view}", "type": "RAW", "name": "r", "displayFields": [5, {"x": 1}]},
    ),
    (
        "POST",
        "/api/v3/reflection",
        {
            "datasetId": "{view}",
            "type": "AGGREGATION",
            "name": "r",
            "dimensionFields": [{"name": 5}],
            "measureFields": [{"name": "a", "measureTypeList": 5}],
        },
    ),
    ("POST", "/api/v3/reflection/recommendations", {"jobIds": [5, "\x00"]}),
    ("PUT", "/apiv2/source/f5", {"type": "S3", "config": {"accessSecret": [1]}}),
    ("PUT", "/apiv2/source/f6", {"type": ["S3"], "config": {}}),
    ("PUT", "/apiv2/source/fuzzed", {"type": "S3", "config": {}, "tag": 5}),
    ("PUT", "/apiv2/source/fuzzed/file_format/a", {"type": "Text", "fieldDelimiter": "\x00"}),
    ("GET", "/api/v3/catalog/by-path/%00", None),
    ("GET", "/api/v3/catalog/by-path/%ff%fe", None),
    ("GET", "/api/v3/catalog/by-path/fuzzed/%00/x", None),
    ("GET", "/api/v3/catalog/dremio%3A%2Ffuzzed%2F%00", None),
    ("GET", "/api/v3/job/%00", None),
    ("GET", "/api/v3/user/by-name/%00", None),
    ("GET", "/api/v3/user/%00", None),
    ("GET", "/api/v3/role/%00", None),
    ("GET", "/api/v3/reflection/%00", None),
    ("GET", "/api/v3/job/{job}/results?offset=99999999999999999999&limit=1", None),
    ("GET", "/api/v3/job/{job}/results?offset=%C2%B2", None),  # a digit that is no number
    ("DELETE", "/api/v3/catalog/{view}?tag=%00", None),
    ("DELETE", "/apiv2/source/fuzzed?version=%00", None),
    ("DELETE", "/api/v3/user/{user}/token/%00", None),
)


@pytest.mark.parametrize(("method", "path", "body"), _ODD)
def test_odd_requests_that_look_right(http: Any, method: str, path: str, body: Any) -> None:
    names = dict(
        zip(
            ("source", "table", "space", "view", "function", "folder", "user", "role", "job"),
            _KNOWN,
            strict=True,
        )
    )
    for name, known in names.items():
        path = path.replace("{" + name + "}", quote(known, safe=""))
        body = orjson.loads(orjson.dumps(body).replace(b"{" + name.encode() + b"}", known.encode()))
    answer = http.request(method, path, content=orjson.dumps(body) if body is not None else None)
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        assert answer.json()["errorMessage"]


@pytest.mark.parametrize(
    ("method", "path"),
    # What removes things comes last.
    sorted(
        {(method, path) for method, path, _, _ in ROUTES if path != "/apiv2/login"},
        key=lambda route: (route[0] == "DELETE", route),
    ),
)
def test_no_request_is_the_servers_mistake(http: Any, method: str, path: str) -> None:
    """Every status but 500 will do; the answer is JSON with a message when it is an error."""

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=_EXAMPLES == 12,
        phases=(Phase.generate, Phase.shrink) if _EXAMPLES > 12 else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: Any) -> None:
        where = _PARAMETER.sub(lambda _: quote(data.draw(_IDS), safe=""), path)
        body = data.draw(_BODIES) if method in ("POST", "PUT", "PATCH") else None
        query = data.draw(_QUERIES)
        answer = http.request(method, where, content=body, params=query)
        assert answer.status_code != 500, (method, where, query, body, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["errorMessage"], (method, where, body, answer.text)

    run()


def test_the_engine_still_works(dremio: Dremio) -> None:
    assert dremio.rows("SELECT 1") == [(1,)]
    assert dremio.http.get("/api/v3/catalog").status_code == 200
