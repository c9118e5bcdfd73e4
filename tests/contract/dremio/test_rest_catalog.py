"""The catalog over REST: children by the page, graphs, versions that changed, types of sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.dremio import Dremio
from tests.support.people import Person


@pytest.fixture(scope="module", autouse=True)
def shelf(dremio: Dremio) -> None:
    """Seven views in a space, over a table and over each other."""
    dremio.query("CREATE TABLE gold.graph.orders AS SELECT 1 AS id, 'a' AS who, 10 AS amount")
    dremio.query("CREATE TABLE gold.graph.people AS SELECT 'a' AS who, 'Ann' AS name")
    dremio.query("CREATE SPACE graph")
    dremio.query(
        "CREATE VIEW graph.joined AS WITH big AS (SELECT * FROM gold.graph.orders WHERE amount > 1)"
        " SELECT p.name, SUM(o.amount + o.id) AS total, COUNT(*) AS n "
        "FROM big o JOIN gold.graph.people p ON o.who = p.who GROUP BY p.name"
    )
    dremio.query("CREATE VIEW graph.top AS SELECT name AS best, total FROM graph.joined")
    for number in range(5):
        dremio.query(f"CREATE VIEW graph.v{number} AS SELECT {number} AS a")


def test_children_by_the_page(dremio: Dremio) -> None:
    whole = dremio.http.get("/api/v3/catalog/by-path/graph").json()
    assert len(whole["children"]) == 7
    assert "nextPageToken" not in whole
    for address in ("/api/v3/catalog/by-path/graph", f"/api/v3/catalog/{whole['id']}"):
        found: list[Any] = []
        params: dict[str, str] = {"maxChildren": "3"}
        sizes = []
        while True:
            page = dremio.http.get(address, params=params).json()
            sizes.append(len(page["children"]))
            found += page["children"]
            if "nextPageToken" not in page:
                break
            params["pageToken"] = page["nextPageToken"]
        assert sizes == [3, 3, 1]
        assert found == whole["children"]
    bare = dremio.http.get("/api/v3/catalog/by-path/graph", params={"exclude": "children"}).json()
    assert "children" not in bare
    for wrong in ({"maxChildren": "0"}, {"maxChildren": "x"}, {"pageToken": "!"}):
        answer = dremio.http.get("/api/v3/catalog/by-path/graph", params=wrong)
        assert answer.status_code == 400, wrong


def _graph(session: Dremio, path: str) -> Any:
    entity = session.http.get(f"/api/v3/catalog/by-path/{path}").raise_for_status().json()
    return session.http.get(f"/api/v3/catalog/{entity['id']}/graph").raise_for_status().json()


def _paths(items: list[Any]) -> list[str]:
    return sorted(".".join(each["path"]) for each in items)


def test_a_graph_of_parents_children_and_columns(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    joined = _graph(dremio, "graph/joined")
    assert _paths(joined["parents"]) == ["gold.graph.orders", "gold.graph.people"]
    assert _paths(joined["children"]) == ["graph.top"]
    assert {each["datasetType"] for each in joined["parents"]} == {"PROMOTED"}
    origins = {
        column["name"]: sorted((".".join(o["path"]), o["column"]) for o in column["origins"])
        for column in joined["columns"]
    }
    assert origins["name"] == [("gold.graph.people", "name")]
    assert origins["total"] == [("gold.graph.orders", "amount"), ("gold.graph.orders", "id")]
    assert origins["n"] == []
    top = _graph(dremio, "graph/top")
    assert _paths(top["parents"]) == ["graph.joined"]
    [best] = [c for c in top["columns"] if c["name"] == "best"]
    assert best["origins"] == [{"path": ["graph", "joined"], "column": "name"}]
    orders = _graph(dremio, "gold/graph/orders")
    assert (orders["parents"], _paths(orders["children"])) == ([], ["graph.joined"])
    space = dremio.http.get("/api/v3/catalog/by-path/graph").json()["id"]
    assert dremio.http.get(f"/api/v3/catalog/{space}/graph").status_code == 400
    # Who may see the view alone learns of nothing else.
    tess = people("tess")
    dremio.query("GRANT SELECT ON VIEW graph.joined TO USER tess")
    seen = _graph(tess.rest, "graph/joined")
    assert (seen["parents"], seen["children"]) == ([], [])
    assert all(column["origins"] == [] for column in seen["columns"])
    hidden = f"/api/v3/catalog/{orders['id']}/graph"
    assert tess.rest.http.get(hidden).status_code == 403


def test_a_version_that_changed_is_a_conflict(dremio: Dremio) -> None:
    view = dremio.http.get("/api/v3/catalog/by-path/graph/v0").json()
    address = f"/api/v3/catalog/{view['id']}"
    first = dremio.http.put(address, json={**view, "sql": "SELECT 10 AS a"})
    assert first.status_code == 200
    assert first.json()["tag"] != view["tag"]
    second = dremio.http.put(address, json={**view, "sql": "SELECT 11 AS a"})
    assert second.status_code == 409
    assert view["tag"] in second.json()["errorMessage"]
    assert dremio.rows("SELECT a FROM graph.v0") == [(10,)]
    assert dremio.http.delete(address, params={"tag": view["tag"]}).status_code == 409
    assert dremio.http.delete(address, params={"tag": first.json()["tag"]}).status_code == 204
    assert dremio.http.get(address).status_code == 404


def test_types_and_states_of_sources(dremio: Dremio) -> None:
    types = {t["sourceType"] for t in dremio.http.get("/api/v3/source/type").json()["data"]}
    assert types == {"S3", "NAS", "POSTGRES", "MYSQL", "ELASTIC"}
    assert dremio.http.get("/api/v3/source/type/S3").json()["label"] == "Amazon S3"
    assert dremio.http.get("/api/v3/source/type/NONE").status_code == 404
    gold = dremio.http.get("/apiv2/source/gold").json()
    assert gold["state"] == {"status": "good", "messages": []}
    assert dremio.http.get(f"/api/v3/source/{gold['id']}").json()["name"] == "gold"
    body = {
        "entityType": "source",
        "name": "unreachable",
        "type": "ELASTIC",
        "config": {"hostList": [{"hostname": "127.0.0.1", "port": 1}]},
    }
    made = dremio.http.post("/api/v3/catalog", json=body).raise_for_status().json()
    assert made["state"]["status"] == "bad"
    assert made["state"]["messages"][0]["level"] == "ERROR"
    assert dremio.http.delete(f"/api/v3/catalog/{made['id']}").status_code == 204
