"""Dremio's forms of queries, each with its whole answer; what describes them; merges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.dremio import Dremio, JobFailed
from tests.support.flight import read
from tests.support.platform import Home


@pytest.fixture(scope="module")
def run(dremio: Dremio) -> Iterator[Dremio]:
    dremio.query("CREATE SPACE forms")
    for folder in ("a", "a.b", "a.b.c"):
        dremio.query(f"CREATE FOLDER forms.{folder}")
    dremio.query("CREATE VIEW forms.a.b.c.deep AS SELECT 7 AS \"Id\", 'x' AS n")
    dremio.query(
        "CREATE TABLE gold.forms AS SELECT * FROM (VALUES ('a', 'x', 1), ('a', 'y', 2), "
        "('b', 'x', 3), ('b', 'y', NULL)) t(k, m, n)"
    )
    yield dremio
    dremio.query("DROP TABLE gold.forms")
    dremio.query("DROP SPACE forms")


FORMS: list[tuple[str, list[tuple[Any, ...]]]] = [
    (
        "SELECT * FROM gold.forms PIVOT (sum(n) FOR m IN ('x', 'y')) ORDER BY k",
        [("a", 1, 2), ("b", 3, None)],
    ),
    (
        "SELECT * FROM gold.forms PIVOT (sum(n) AS s, count(*) AS c FOR m IN ('x' AS ex)) "
        "ORDER BY k",
        [("a", 1, 1), ("b", 3, 1)],
    ),
    (
        "SELECT * FROM (SELECT 1 AS id, 10 AS a, 20 AS b) UNPIVOT (v FOR c IN (a, b))",
        [(1, "a", 10), (1, "b", 20)],
    ),
    (
        "SELECT k, n FROM gold.forms "
        "QUALIFY row_number() OVER (PARTITION BY k ORDER BY n DESC NULLS LAST) = 1 ORDER BY k",
        [("a", 2), ("b", 3)],
    ),
    ("SELECT k, FLATTEN(ARRAY[5, 6]) AS f FROM gold.forms WHERE n = 1", [("a", 5), ("a", 6)]),
    (
        "SELECT k, sum(n), GROUPING(k) FROM gold.forms GROUP BY GROUPING SETS ((k), ()) ORDER BY 1",
        [("a", 3, 0), ("b", 3, 0), (None, 6, 1)],
    ),
    (
        "SELECT k, m, sum(n) FROM gold.forms WHERE n < 3 GROUP BY ROLLUP (k, m) ORDER BY 1, 2",
        [("a", "x", 1), ("a", "y", 2), ("a", None, 3), (None, None, 3)],
    ),
    (
        "SELECT k, m, count(*) FROM gold.forms WHERE n = 1 GROUP BY CUBE (k, m) ORDER BY 1, 2",
        [("a", "x", 1), ("a", None, 1), (None, "x", 1), (None, None, 1)],
    ),
    ("VALUES (1, 'a'), (2, 'b')", [(1, "a"), (2, "b")]),
    ("SELECT * EXCLUDE (m, n) FROM gold.forms WHERE n = 3", [("b",)]),
    ("SELECT f.* EXCEPT (k) FROM gold.forms f WHERE n = 3", [("x", 3)]),
    ("SELECT n FROM gold.forms ORDER BY n LIMIT 2 OFFSET 1", [(2,), (3,)]),
    ("SELECT n FROM gold.forms ORDER BY n OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
    ("SELECT gold.forms.n FROM gold.forms WHERE Gold.Forms.\"K\" = 'b' AND n > 0", [(3,)]),
    (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
        "SELECT * FROM r",
        [(1,), (2,), (3,)],
    ),
    (
        "SELECT a.n, l.most FROM gold.forms a, "
        "LATERAL (SELECT max(n) AS most FROM gold.forms b WHERE b.k = a.k) l WHERE n = 1",
        [(1, 2)],
    ),
    (
        "SELECT x FROM gold.forms CROSS JOIN UNNEST(ARRAY[7, 8]) AS f(x) WHERE n = 1 ORDER BY x",
        [(7,), (8,)],
    ),
    ("SELECT LISTAGG(k, '-') WITHIN GROUP (ORDER BY k DESC) FROM gold.forms", [("b-b-a-a",)]),
    ("SELECT max(n) FILTER (WHERE k = 'a') FROM gold.forms", [(2,)]),
    ("SELECT n FROM gold.forms INTERSECT SELECT 1", [(1,)]),
    # Every combination, and one inside another.
    (
        "SELECT FLATTEN(ARRAY[1, 2]) AS x, FLATTEN(ARRAY['p', 'q']) AS y FROM gold.forms "
        "WHERE n = 1 ORDER BY x, y",
        [(1, "p"), (1, "q"), (2, "p"), (2, "q")],
    ),
    (
        "SELECT FLATTEN(FLATTEN(ARRAY[ARRAY[1, 2], ARRAY[3]])) AS x ORDER BY x",
        [(1,), (2,), (3,)],
    ),
    # Names of any depth, before columns and stars, in any case.
    ('SELECT forms.a.b.c.deep."Id", deep.N FROM FORMS.A.b.c.Deep', [(7, "x")]),
    ('SELECT "forms"."a"."b"."c"."deep".* FROM forms.a.b.c.deep', [(7, "x")]),
    (
        "SELECT first_value(n) IGNORE NULLS OVER (ORDER BY k DESC, m DESC) FROM gold.forms "
        "WHERE k = 'b'",
        [(None,), (3,)],
    ),
    (
        "SELECT lag(n IGNORE NULLS) OVER (ORDER BY k, m) AS l FROM gold.forms ORDER BY k, m",
        [(None,), (1,), (2,), (3,)],
    ),
    (
        "SELECT k, rank() OVER (ORDER BY n DESC NULLS LAST) AS r FROM gold.forms QUALIFY r = 1",
        [("b", 1)],
    ),
    (
        "SELECT * FROM (SELECT 1 AS id, 10 AS a, CAST(NULL AS INT) AS b) "
        "UNPIVOT INCLUDE NULLS (v FOR c IN (a AS 'first', b AS 'second'))",
        [(1, "first", 10), (1, "second", None)],
    ),
    (
        "SELECT * FROM (SELECT k, m, 'q' AS r, n FROM gold.forms WHERE k = 'a') "
        "PIVOT (sum(n) FOR (m, r) IN (('x', 'q') AS xq, ('y', 'z') AS yz))",
        [("a", 1, None)],
    ),
    ("SELECT n AS c, c + 1 AS d FROM gold.forms WHERE c = 3", [(3, 4)]),
    (
        "SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '3 04:05' DAY TO MINUTE",
        [("+001-02", "+003 04:05:00.000")],
    ),
    (
        "SELECT {d '2024-02-29'} = DATE '2024-02-29', {fn UCASE('a')}, "
        "{ts '2024-01-01 01:02:03'} = TIMESTAMP '2024-01-01 01:02:03'",
        [(True, "A", True)],
    ),
    ("SELECT count(*) FROM gold.forms a NATURAL JOIN gold.forms b", [(3,)]),
    ("SELECT k FROM gold.forms EXCEPT SELECT 'a'", [("b",)]),
    ("SELECT 2 > ALL (SELECT 1), 1 = ANY (SELECT n FROM gold.forms)", [(True, True)]),
]


def test_every_form_over_flight_as_over_rest(run: Dremio, engine_home: Home) -> None:
    for sql, expected in FORMS:
        rows = read(engine_home.settings, sql).to_pylist()
        assert [tuple(row.values()) for row in rows] == expected, sql


@pytest.mark.parametrize(("sql", "expected"), FORMS, ids=[sql[:60] for sql, _ in FORMS])
def test_a_form_of_query(run: Dremio, sql: str, expected: list[tuple[Any, ...]]) -> None:
    assert run.rows(sql) == expected


def test_columns_without_names_are_numbered(run: Dremio) -> None:
    for sql in ("VALUES (1, 'a')", "SELECT * FROM (VALUES (1, 'a')) t", "SELECT 1, 'a'"):
        assert [c["name"] for c in run.query(sql)["schema"]] == ["EXPR$0", "EXPR$1"]
    assert run.rows("SELECT t.EXPR$1 FROM (VALUES (1, 'a')) t") == [("a",)]


def test_explain_numbers_the_operators(run: Dremio) -> None:
    row = run.query("EXPLAIN PLAN FOR SELECT k, sum(n) FROM gold.forms GROUP BY k")["rows"][0]
    lines = row["text"].splitlines()
    assert lines[0] == "00-00    Screen"
    assert lines[1].startswith("00-01      HashAgg(")
    assert '"op": "HashAgg"' in row["json"]
    for dml, operator in (
        ("INSERT INTO gold.forms SELECT * FROM gold.forms", "IcebergInsert"),
        ("DELETE FROM gold.forms WHERE n = 1", "IcebergDelete"),
    ):
        assert operator in run.rows(f"EXPLAIN PLAN FOR {dml}")[0][0]
    assert run.rows("SELECT count(*) FROM gold.forms") == [(4,)]  # nothing was run


def test_what_describes_the_catalog(run: Dremio) -> None:
    run.query("CREATE VIEW forms.v AS SELECT k FROM gold.forms")
    assert ("gold", "forms") in run.rows("SHOW TABLES IN gold")
    assert run.rows("SHOW TABLES IN gold LIKE 'f_rms'") == [("gold", "forms")]
    assert run.rows("SHOW VIEWS IN forms") == [("forms", "v")]
    assert run.rows("SHOW SCHEMAS LIKE 'form_'") == [("forms",)]
    assert run.rows("SHOW CREATE VIEW forms.v")[0][1] == "SELECT k FROM gold.forms"
    assert '"n" INT' in run.rows("SHOW CREATE TABLE gold.forms")[0][1]
    assert [row[:2] for row in run.rows("DESCRIBE gold.forms k")] == [("k", "CHARACTER VARYING")]
    assert run.rows("SELECT view_name FROM sys.views WHERE path = '[forms, v]'") == [("v",)]
    listed = "SELECT DISTINCT table_name FROM sys.tables WHERE path = '[gold, forms]'"
    assert run.rows(listed) == [("forms",)]
    marked = "SELECT 'told in sys.jobs_recent'"
    run.query(marked)
    told = run.query(
        "SELECT status, rows_returned, final_state_epoch_millis - submitted_epoch_millis AS took "
        f"FROM sys.jobs_recent WHERE query = '{marked.replace(chr(39), chr(39) * 2)}'"
    )["rows"]
    assert [(row["status"], row["rows_returned"]) for row in told] == [("COMPLETED", 1)]
    assert told[0]["took"] >= 0
    views = "SELECT VIEW_DEFINITION FROM INFORMATION_SCHEMA.VIEWS WHERE TABLE_SCHEMA = 'forms'"
    assert run.rows(views) == [("SELECT k FROM gold.forms",)]


def test_merge_in_every_form(run: Dremio) -> None:
    def fresh() -> None:
        run.query("DROP TABLE IF EXISTS gold.merged")
        run.query("CREATE TABLE gold.merged AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, s)")

    source = "(SELECT * FROM (VALUES (2, 'B'), (3, 'C')) v(id, s)) AS s ON t.id = s.id"
    for clauses, changed, rows in (
        ("WHEN MATCHED THEN UPDATE SET s = s.s", 1, [(1, "a"), (2, "B")]),
        ("WHEN MATCHED THEN UPDATE SET *", 1, [(1, "a"), (2, "B")]),
        ("WHEN MATCHED THEN DELETE", 1, [(1, "a")]),
        ("WHEN MATCHED AND s.s = 'no' THEN DELETE", 0, [(1, "a"), (2, "b")]),
        ("WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.s)", 1, [(1, "a"), (2, "b"), (3, "C")]),
        ("WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)", 1, [(1, "a"), (2, "b"), (3, None)]),
        ("WHEN NOT MATCHED THEN INSERT *", 1, [(1, "a"), (2, "b"), (3, "C")]),
        (
            "WHEN MATCHED THEN UPDATE SET s = upper(t.s) || s.s "
            "WHEN NOT MATCHED THEN INSERT (id, s) VALUES (s.id * 10, 'new')",
            2,
            [(1, "a"), (2, "BB"), (30, "new")],
        ),
    ):
        fresh()
        assert run.rows(f"MERGE INTO gold.merged AS t USING {source} {clauses}") == [(changed,)]
        assert run.rows("SELECT * FROM gold.merged ORDER BY id") == rows
    run.query("DROP TABLE gold.merged")


def test_update_and_delete_with_another_table(run: Dremio) -> None:
    run.query("CREATE TABLE gold.other AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, s)")
    changed = "UPDATE gold.other SET s = u.v FROM (SELECT 2 AS id, 'z' AS v) u"
    assert run.rows(f"{changed} WHERE gold.other.id = u.id") == [(1,)]
    gone = "DELETE FROM gold.other USING (SELECT 1 AS id) u WHERE gold.other.id = u.id"
    assert run.rows(gone) == [(1,)]
    assert run.rows("SELECT * FROM gold.other") == [(2, "z")]
    run.query("DROP TABLE gold.other")


def test_what_show_create_tells_makes_the_same_table(run: Dremio) -> None:
    run.query(
        'CREATE TABLE gold.shown (id INT, "na me" VARCHAR, day DATE, d DECIMAL(9, 2), '
        "l LIST<VARCHAR>, s STRUCT<a: INT, b: ARRAY(DOUBLE)>, m MAP<VARCHAR, INT>) "
        'PARTITION BY (MONTH(day), BUCKET(4, id), "na me") LOCALSORT BY (d, id)'
    )
    run.query("ALTER TABLE gold.shown SET TBLPROPERTIES ('note' = 'it''s')")
    text = run.rows("SHOW CREATE TABLE gold.shown")[0][1]
    assert 'PARTITION BY (MONTH("day"), BUCKET(4, "id"), "na me")' in text
    assert 'LOCALSORT BY ("d", "id")' in text
    assert "'note' = 'it''s'" in text
    described = {row[0]: row[-1] for row in run.rows("DESCRIBE gold.shown")}
    assert {name: place for name, place in described.items() if place} == {"d": 1, "id": 2}
    run.query(text.replace('"shown"', '"shown_again"'))
    again = run.rows("SHOW CREATE TABLE gold.shown_again")[0][1]
    assert again.replace("shown_again", "shown") == text
    for name in ("shown", "shown_again"):
        run.query(f"DROP TABLE gold.{name}")


def test_a_source_tells_whether_it_answers(run: Dremio) -> None:
    told = "Successfully refreshed status for source 'gold'. New status is: Healthy"
    assert run.rows("ALTER SOURCE gold REFRESH STATUS") == [(True, told)]
    with pytest.raises(JobFailed, match="not found"):
        run.query("ALTER SOURCE nowhere REFRESH STATUS")


def test_columns_come_go_and_come_again(run: Dremio) -> None:
    run.query("CREATE TABLE gold.altered (id INT)")
    for _ in range(2):  # the second time meets the schemas of the first
        run.query("INSERT INTO gold.altered VALUES (1)")
        run.query('ALTER TABLE gold.altered ADD COLUMNS (a INT, "b c" DECIMAL(5, 2), l ARRAY<INT>)')
        run.query('UPDATE gold.altered SET a = 7, "b c" = 1.5, l = ARRAY[1, 2]')
        run.query("ALTER TABLE gold.altered ALTER COLUMN a big BIGINT")
        row = run.query("SELECT * FROM gold.altered LIMIT 1")
        assert row["rows"][0] == {"id": 1, "big": 7, "b c": 1.5, "l": [1, 2]}
        assert row["schema"][1]["type"]["name"] == "BIGINT"
        for name in ("big", '"b c"', "l"):
            run.query(f"ALTER TABLE gold.altered DROP COLUMN {name}")
    for wrong, message in (
        ("ADD COLUMNS (ID INT)", "already in the table"),
        ("ALTER COLUMN id id VARCHAR", "Cannot change data type"),
        ("DROP COLUMN none", "not present"),
        ("DROP COLUMN id", "Cannot drop all columns"),
    ):
        with pytest.raises(JobFailed, match=message):
            run.query(f"ALTER TABLE gold.altered {wrong}")
    run.query("DROP TABLE gold.altered")
