"""Dremio's Reflection API and DDL, and what sys tables, jobs and EXPLAIN tell of reflections."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from services.common.waiting import wait_until
from tests.support.dremio import Dremio, JobFailed


@pytest.fixture(scope="module")
def dataset(dremio: Dremio) -> str:
    dremio.query(
        "CREATE TABLE gold.trips AS SELECT * FROM (VALUES "
        "(1, 'n', CAST(1.50 AS DECIMAL(10,2)), TIMESTAMP '2024-01-01 10:00:00'), "
        "(2, 's', CAST(2.25 AS DECIMAL(10,2)), TIMESTAMP '2024-01-02 11:00:00'), "
        "(3, 'n', NULL, NULL)) AS v(id, side, fare, at)"
    )
    found = dremio.http.get("/api/v3/catalog/by-path/gold/trips").json()
    return str(found["id"])


def built(dremio: Dremio, reflection: str) -> dict[str, Any]:
    """Wait until a reflection can be used; return it."""
    found: dict[str, Any] = {}

    def usable() -> bool:
        found.update(dremio.http.get(f"/api/v3/reflection/{reflection}").json())
        return bool(found["status"]["combinedStatus"] == "CAN_ACCELERATE")

    wait_until(usable, seconds=90, what=f"the reflection {found}")
    return found


def test_the_api_defines_builds_changes_and_removes(dremio: Dremio, dataset: str) -> None:
    body = {
        "type": "AGGREGATION",
        "name": "by side",
        "datasetId": dataset,
        "enabled": True,
        "dimensionFields": [{"name": "side"}, {"name": "at", "granularity": "DATE"}],
        "measureFields": [{"name": "fare", "measureTypeList": ["SUM", " COUNT"]}],
        "partitionFields": [{"name": "side", "transform": {"type": "IDENTITY"}}],
        "partitionDistributionStrategy": "STRIPED",
        "entityType": "reflection",
    }
    made = dremio.http.post("/api/v3/reflection", json=body)
    assert made.status_code == 200, made.text
    reflection = made.json()
    assert reflection["dimensionFields"] == [
        {"name": "side", "granularity": "DATE"},
        {"name": "at", "granularity": "DATE"},
    ]
    assert reflection["measureFields"] == [{"name": "fare", "measureTypeList": ["SUM", "COUNT"]}]
    assert reflection["partitionFields"] == body["partitionFields"]
    assert reflection["partitionDistributionStrategy"] == "STRIPED"
    assert dremio.http.post("/api/v3/reflection", json=body).status_code == 409
    found = built(dremio, reflection["id"])
    assert found["recordCount"] == 3
    assert found["status"]["refreshMethod"] == "FULL"
    of_dataset = dremio.http.get(f"/api/v3/dataset/{dataset}/reflection").json()["data"]
    assert [each["id"] for each in of_dataset] == [reflection["id"]]

    sums = "SELECT side, SUM(fare) AS fare, COUNT(*) AS n FROM gold.trips GROUP BY side"
    assert dremio.reflections_of(sums) == {reflection["id"]: "CHOSEN"}
    assert dremio.reflections_of("SELECT id FROM gold.trips") == {reflection["id"]: "CONSIDERED"}
    assert sorted(dremio.rows(sums)) == [("n", 1.5, 2), ("s", 2.25, 1)]
    plan = dremio.rows(f"EXPLAIN PLAN FOR {sums}")[0][0]
    assert "CHOSEN: gold.trips.by side (AGGREGATION): it is current" in plan

    summary = dremio.http.get("/api/v3/reflection/summary").json()["data"]
    (told,) = [each for each in summary if each["id"] == reflection["id"]]
    assert told["chosenCount"] >= 2
    assert told["consideredCount"] > told["chosenCount"]
    assert told["datasetPath"] == ["gold", "trips"]

    changed = {**body, "dimensionFields": [{"name": "side"}], "tag": reflection["tag"]}
    address = f"/api/v3/reflection/{reflection['id']}"
    after = dremio.http.put(address, json=changed)
    assert after.status_code == 200, after.text
    assert dremio.http.put(address, json=changed).status_code == 409  # the tag is old
    assert built(dremio, reflection["id"])["recordCount"] == 2

    assert dremio.http.delete(address).status_code == 200
    assert dremio.http.get(address).status_code == 404
    assert dremio.reflections_of(sums) == {}


def test_mistakes_are_told(dremio: Dremio, dataset: str) -> None:
    def answer(**body: Any) -> Any:
        return dremio.http.post("/api/v3/reflection", json={"datasetId": dataset, **body})

    unknown = answer(type="RAW", name="r", displayFields=[{"name": "nothing"}])
    assert unknown.status_code == 400
    assert "Unable to find field [nothing]" in unknown.json()["errorMessage"]
    assert answer(type="OTHER", name="r").status_code == 400
    lost = dremio.http.post(
        "/api/v3/reflection", json={"datasetId": str(uuid.uuid4()), "type": "RAW", "name": "r"}
    )
    assert lost.status_code == 404
    assert dremio.http.get(f"/api/v3/reflection/{uuid.uuid4()}").status_code == 404
    changing = 'CREATE VIEW "@{}"."moving" AS SELECT NOW() AS t FROM gold.trips'
    user = dremio.rows("SELECT user_name FROM sys.users")[0][0]
    dremio.query(changing.format(user))
    with pytest.raises(JobFailed, match="NOW"):
        dremio.query(f'ALTER VIEW "@{user}".moving CREATE RAW REFLECTION r USING DISPLAY (t)')


def test_sql_defines_and_the_system_tables_tell_the_truth(dremio: Dremio, dataset: str) -> None:
    dremio.query(
        "ALTER TABLE gold.trips CREATE RAW REFLECTION r_raw USING DISPLAY (id, fare) "
        "LOCALSORT BY (id)"
    )
    dremio.query(
        "ALTER DATASET gold.trips CREATE AGGREGATE REFLECTION r_agg USING DIMENSIONS (side, at BY "
        "DAY) MEASURES (fare (SUM, COUNT, MIN, MAX)) LOCALSORT BY (side)"
    )
    dremio.query(
        "CREATE REFLECTION r_short ON gold.trips USING DIMENSIONS (side) "
        "MEASURES (SUM(fare), COUNT(*), AVG(fare))"
    )
    ids = dict(dremio.rows("SELECT reflection_name, reflection_id FROM sys.reflections"))
    for name in ("r_raw", "r_agg", "r_short"):
        built(dremio, ids[name])
    told = dremio.query("SELECT * FROM sys.reflections WHERE reflection_name = 'r_agg'")["rows"][0]
    assert told["status"] == "CAN_ACCELERATE"
    assert told["dataset_name"] == "gold.trips"
    assert (told["dimensions"], told["measures"]) == ("side, at", "fare")
    assert told["record_count"] == 3
    done = dremio.rows(
        f"SELECT state FROM sys.materializations WHERE reflection_id = '{ids['r_raw']}'"
    )
    assert done == [("DONE",)]
    average = "SELECT side, AVG(fare) AS a FROM gold.trips GROUP BY side ORDER BY side"
    assert "CHOSEN" in dremio.reflections_of(average).values()
    assert dremio.rows(average) == [("n", 1.5), ("s", 2.25)]
    hinted = average.replace("SELECT side", "SELECT /*+ no_reflections */ side")
    assert dremio.reflections_of(hinted) == {}
    assert dremio.rows(hinted) == [("n", 1.5), ("s", 2.25)]

    dremio.query("ALTER TABLE gold.trips DISABLE AGGREGATE ACCELERATION")
    assert "CHOSEN" not in dremio.reflections_of(average).values()
    dremio.query("ALTER TABLE gold.trips ENABLE AGGREGATE ACCELERATION")
    built(dremio, ids["r_short"])
    assert "CHOSEN" in dremio.reflections_of(average).values()

    dremio.query("ALTER REFLECTION r_short SET REFRESH EVERY 1 HOUR")
    dremio.query("ALTER REFLECTION r_short SET ENABLED = FALSE")
    shown = dremio.http.get(f"/api/v3/reflection/{ids['r_short']}").json()
    assert shown["refreshPolicy"]["method"] == "PERIOD"
    assert shown["enabled"] is False
    with pytest.raises(JobFailed, match="cron"):
        dremio.query("ALTER REFLECTION r_raw SET REFRESH CRON 'soon'")
    for name in ("r_raw", "r_agg", "r_short"):
        dremio.query(f"ALTER TABLE gold.trips DROP REFLECTION {name}")
    left = "SELECT reflection_name FROM sys.reflections WHERE dataset_name = 'gold.trips'"
    assert dremio.rows(left) == []
    with pytest.raises(JobFailed, match="Unable to find reflection"):
        dremio.query("DROP REFLECTION r_raw")
