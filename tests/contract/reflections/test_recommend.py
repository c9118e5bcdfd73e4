"""Recommendations: what is recommended is then used; joins and partitions tell the rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.dremio.handlers import recommendations
from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.session import Session, User
from tests.contract.reflections.conftest import Bench

SUMS = "SELECT g, SUM(d) AS v FROM gold.many GROUP BY g"
ROWS = "SELECT id, d FROM gold.many WHERE id = 77"


@pytest.fixture(scope="module")
def many(bench: Bench) -> Iterator[Bench]:
    bench.clear()
    digits = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))"
    bench.table(
        "CREATE TABLE gold.many PARTITION BY (g) AS SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n "
        "+ 10000 * f.n + 100000 * h.n AS id, a.n AS g, CAST(b.n AS DECIMAL(10, 2)) AS d "
        f"FROM {digits} a(n), {digits} b(n), {digits} c(n), {digits} e(n), {digits} f(n), "
        f"(VALUES (0),(1),(2),(3)) h(n)"
    )
    labels = ", ".join(f"({g}, '{label}')" for g, label in enumerate("xyxyxyxyxz"))
    bench.table(f"CREATE TABLE gold.side AS SELECT * FROM (VALUES {labels}) t(g, label)")
    bench.table(
        "CREATE VIEW sp.labelled AS SELECT m.id, m.d, m.g, s.label "
        "FROM gold.many m JOIN gold.side s ON m.g = s.g"
    )
    yield bench
    bench.clear()
    bench.table("DROP VIEW sp.labelled")
    for name in ("many", "side"):
        bench.table(f"DROP TABLE gold.{name}")


def job(bench: Bench, sql: str) -> str:
    execution = bench.engine.execute(Session(bench.user), sql)
    execution.table()
    return execution.job_id


def test_what_is_recommended_is_used(many: Bench) -> None:
    core, user = many.engine.core, many.user
    jobs = [job(many, SUMS), job(many, ROWS)]
    number = recommendations.submit(core, user, {"jobIds": jobs})["id"]
    found = recommendations.by_jobs(core, user, number)["data"]
    by_kind = {each["reflectionRequestBody"]["type"]: each for each in found}
    sums = by_kind["AGGREGATION"]
    assert sums["jobIds"] == [jobs[0]]
    assert sums["reflectionRequestBody"]["dimensionFields"] == [
        {"name": "g", "granularity": "NORMAL"}
    ]
    assert sums["avgImprovementFactor"] > 1
    assert sums["avgImprovementMs"] > 0

    wish = {"recommendationId": sums["recommendationId"], "reflection": {"name": "mine"}}
    assert recommendations.accept(core, user, wish)["name"] == "mine"
    many.settle()
    assert many.plan(SUMS)["mine"][0] == "CHOSEN"
    again = recommendations.at_once(core, user, {"jobIds": [jobs[0]]})
    assert again["data"] == []  # a reflection answers it now

    sql = f"SELECT * FROM TABLE(SYS.RECOMMEND_REFLECTIONS(ARRAY['{jobs[1]}']))"
    for row in many.rows(sql):
        many.table(row["reflection_sql"])
    many.settle()
    assert "CHOSEN" in {relationship for relationship, _ in many.plan(ROWS).values()}


def test_jobs_of_others_are_not_told_of(many: Bench) -> None:
    own = job(many, SUMS)
    stranger = User("1", "stranger")
    with pytest.raises(DremioError) as refused:
        recommendations.at_once(many.engine.core, stranger, {"jobIds": [own]})
    assert refused.value.kind is ErrorKind.NOT_FOUND
    with pytest.raises(DremioError):
        recommendations.at_once(many.engine.core, many.user, {"jobIds": []})


def test_joins_and_partitions(many: Bench) -> None:
    many.clear()
    many.table(
        "ALTER VIEW sp.labelled CREATE AGGREGATE REFLECTION by_label "
        "USING DIMENSIONS (label, g) MEASURES (d (SUM, COUNT))"
    )
    many.table(
        "ALTER TABLE gold.many CREATE AGGREGATE REFLECTION by_g "
        "USING DIMENSIONS (g) MEASURES (d (MAX))"
    )
    many.settle()
    for sql in (
        "SELECT s.label, SUM(d) AS v FROM gold.side s, gold.many m WHERE s.g = m.g GROUP BY 1",
        SUMS,  # the join neither drops nor repeats a row: the view's reflection answers
    ):
        assert many.plan(sql)["by_label"][0] == "CHOSEN", sql
        on, off = (many.rows(sql, on=way) for way in (True, False))
        assert sorted(map(repr, on)) == sorted(map(repr, off))

    many.table("UPDATE gold.many SET d = d + 1 WHERE g = 3")
    many.settle()
    built = many.reflections.built(many.reflections.named("by_g").id)
    assert built is not None
    assert built.decision == "Only partitions that changed were read (1)"
    top = "SELECT g, MAX(d) AS v FROM gold.many GROUP BY g"
    assert many.plan(top)["by_g"][0] == "CHOSEN"
    assert {row["g"]: int(row["v"]) for row in many.rows(top)}[3] == 10

    many.table("INSERT INTO gold.side VALUES (3, 'again')")  # now the join repeats rows
    many.settle()
    assert many.plan(SUMS)["by_label"][0] != "CHOSEN"
