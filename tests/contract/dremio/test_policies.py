"""Row filters and column masks: on every path, and round none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from services.common.waiting import wait_until
from tests.support.dremio import Dremio, JobFailed
from tests.support.people import Person, refused

_STAFF = "gold.pol.staff"


@pytest.fixture(scope="module", autouse=True)
def protected(dremio: Dremio, people: Callable[[str], Person]) -> Iterator[None]:
    """Rows of one's own country unless one is of `hr`; numbers masked but for `hr`."""
    for name in ("olga", "hans"):
        people(name)
    for statement in (
        f"CREATE TABLE {_STAFF} (who VARCHAR, country VARCHAR, ssn VARCHAR, pay INT) AS VALUES "
        "('ann', 'CA', '111-11', 10), ('bob', 'US', '222-22', 20), ('cid', 'US', 'oops', 30)",
        "CREATE SPACE pol",
        "CREATE ROLE hr",
        "GRANT ROLE hr TO USER hans",
        "CREATE TABLE gold.pol.homes AS SELECT 'olga' AS name, 'US' AS country",
        "CREATE FUNCTION pol.own_country(c VARCHAR) RETURNS BOOLEAN RETURN SELECT "
        "is_member('hr') OR c IN (SELECT country FROM gold.pol.homes WHERE name = query_user())",
        "CREATE FUNCTION pol.hide_ssn(ssn VARCHAR, pay INT) RETURNS VARCHAR RETURN SELECT "
        "CASE WHEN is_member('hr') OR pay > 25 THEN ssn ELSE 'XXX' END",
        f"CREATE VIEW pol.pays AS SELECT country, ssn, SUM(pay) AS pay FROM {_STAFF} GROUP BY 1, 2",
        f"CREATE VIEW pol.names AS SELECT who FROM {_STAFF}",
        f"GRANT SELECT ON TABLE {_STAFF} TO ROLE PUBLIC",
        "GRANT SELECT ON SPACE pol TO ROLE PUBLIC",
    ):
        dremio.query(statement)
    yield
    dremio.query("DROP SPACE pol")  # what PUBLIC may see, other files' people would
    for table in (_STAFF, "gold.pol.homes", "gold.pol.made", "gold.pol.copied"):
        dremio.query(f"DROP TABLE IF EXISTS {table}")


def _create_reflection(dremio: Dremio, dataset: str, name: str, column: str) -> None:
    dremio.query(f"ALTER TABLE {dataset} CREATE RAW REFLECTION {name} USING DISPLAY ({column})")
    state = f"SELECT status FROM sys.reflections WHERE reflection_name = '{name}'"

    def built() -> bool:
        found = dremio.rows(state)
        return bool(found) and "ACCELERATE" in found[0][0]

    wait_until(built, seconds=60, what="the reflection")


def test_a_built_reflection_is_for_those_who_may_read(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    _create_reflection(dremio, "gold.pol.homes", "homes_raw", "name")
    sql = "SELECT name FROM gold.pol.homes"
    assert "homes_raw" in _plan(dremio, sql)
    for statement in (sql, f"EXPLAIN PLAN FOR {sql}"):
        with refused():
            people("olga").rest.query(statement)
    dremio.query("ALTER TABLE gold.pol.homes DROP REFLECTION homes_raw")


def test_policies_hold_wherever_the_dataset_is_read(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    olga, hans = people("olga"), people("hans")
    _create_reflection(dremio, "pol.names", "pol_raw", "who")  # built before there are policies
    assert "pol_raw" in _plan(dremio, "SELECT who FROM pol.names")
    dremio.query(f"ALTER TABLE {_STAFF} ADD ROW ACCESS POLICY pol.own_country(country)")
    dremio.query(
        f"ALTER TABLE {_STAFF} MODIFY COLUMN ssn SET MASKING POLICY pol.hide_ssn(ssn, pay)"
    )
    us = [("bob", "US", "XXX", 20), ("cid", "US", "oops", 30)]
    assert sorted(olga.rest.rows(f"SELECT * FROM {_STAFF}")) == us
    everyone = [("ann", "CA", "111-11", 10), ("bob", "US", "222-22", 20), us[1]]
    assert sorted(hans.rest.rows(f"SELECT * FROM {_STAFF}")) == everyone
    # The administrator is no member of `hr`: administrators are no exception.
    assert dremio.rows(f"SELECT * FROM {_STAFF}") == []
    seen = olga.flight(f"SELECT who, ssn FROM {_STAFF} ORDER BY who").to_pylist()
    assert seen == [{"who": "bob", "ssn": "XXX"}, {"who": "cid", "ssn": "oops"}]
    for sql, expected in (
        (f"SELECT COUNT(*) FROM {_STAFF}", [(2,)]),
        (f"SELECT who FROM {_STAFF} WHERE ssn = '222-22'", []),  # the mask is what is compared
        (
            f"SELECT s.who FROM gold.pol.homes h JOIN {_STAFF} s ON h.country = s.country "
            "WHERE s.pay = 20",
            None,
        ),
        ("SELECT ssn, pay FROM pol.pays ORDER BY pay", [("XXX", 20), ("oops", 30)]),
        ("SELECT who FROM pol.names ORDER BY 1", [("bob",), ("cid",)]),
        (f"WITH s AS (SELECT * FROM {_STAFF}) SELECT MAX(ssn) FROM s", [("oops",)]),
        (f"SELECT t.ssn FROM {_STAFF} AS t WHERE t.who = 'bob'", [("XXX",)]),
        (f"SELECT (SELECT MIN(who) FROM {_STAFF})", [("bob",)]),
        (f"SELECT who FROM {_STAFF} UNION SELECT 'x' ORDER BY 1", [("bob",), ("cid",), ("x",)]),
    ):
        if expected is None:
            with refused():
                olga.rest.query(sql)  # the mapping itself is not hers to read
        else:
            assert olga.rest.rows(sql) == expected, sql
    snapshot = dremio.rows(f"SELECT snapshot_id FROM TABLE(table_snapshot('{_STAFF}'))")[0][0]
    past = f"SELECT who FROM {_STAFF} AT SNAPSHOT '{snapshot}' ORDER BY 1"
    assert olga.rest.rows(past) == [("bob",), ("cid",)]
    # The reflection knows nothing of policies: it answers nobody any more.
    assert "pol_raw" not in _plan(dremio, "SELECT who FROM pol.names")
    dremio.query("ALTER TABLE pol.names DROP REFLECTION pol_raw")
    for dataset in (_STAFF, "pol.names"):
        with pytest.raises(JobFailed, match="policies"):
            _define(dremio, dataset)


def _define(dremio: Dremio, dataset: str) -> None:
    dremio.query(f"ALTER TABLE {dataset} CREATE RAW REFLECTION late USING DISPLAY (who)")
    state: list[Any] = []

    def failed() -> bool:
        state[:] = dremio.rows(
            "SELECT status, last_failure_message FROM sys.reflections "
            "WHERE reflection_name = 'late'"
        )
        return bool(state) and bool(state[0][1])

    try:
        wait_until(failed, seconds=60, what="the refusal")
    finally:
        dremio.query(f"ALTER TABLE {dataset} DROP REFLECTION late")
    raise JobFailed({"errorMessage": state[0][1]})


def _plan(dremio: Dremio, sql: str) -> str:
    return str(dremio.rows(f"EXPLAIN PLAN FOR {sql}")[0][0])


def test_nothing_tells_what_is_hidden(dremio: Dremio, people: Callable[[str], Person]) -> None:
    olga = people("olga")
    dremio.query(f"GRANT ALL ON TABLE {_STAFF} TO USER olga")
    for statement in (
        f"SELECT * FROM TABLE(table_files('{_STAFF}'))",
        f"SELECT * FROM TABLE(copy_errors('{_STAFF}'))",
        f"DELETE FROM {_STAFF} WHERE ssn = '222-22'",
        f"UPDATE {_STAFF} SET pay = 0 WHERE country = 'CA'",
        f"MERGE INTO {_STAFF} t USING (VALUES('ann')) s(n) ON t.who = s.n "
        "WHEN MATCHED THEN UPDATE SET pay = 1",
        f"ALTER TABLE {_STAFF} DROP ROW ACCESS POLICY pol.own_country(country)",
        f"ALTER TABLE {_STAFF} MODIFY COLUMN ssn UNSET MASKING POLICY pol.hide_ssn",
    ):
        with refused():
            olga.rest.query(statement)
    with pytest.raises(JobFailed) as failed:
        olga.rest.query(f"SELECT CAST(who AS INT) FROM {_STAFF}")
    assert "bob" not in failed.value.status["errorMessage"]
    with pytest.raises(pa.ArrowInvalid, match="policies") as told:
        olga.flight(f"SELECT CAST(who AS INT) FROM {_STAFF}")
    assert "bob" not in str(told.value)
    assert olga.rest.rows("SELECT * FROM sys.policies") == []
    olga.rest.query(f"INSERT INTO {_STAFF} VALUES ('dan', 'DE', '9', 1)")
    assert olga.rest.rows(f"SELECT COUNT(*) FROM {_STAFF}") == [(2,)]
    dremio.query(f"DELETE FROM {_STAFF} WHERE who = 'dan'")  # an administrator may change rows
    assert people("hans").rest.rows(f"SELECT COUNT(*) FROM {_STAFF}") == [(3,)]


def test_set_and_taken_away(dremio: Dremio, people: Callable[[str], Person]) -> None:
    dremio.query("CREATE VIEW pol.v AS SELECT 1 AS a, 'x' AS b")
    for statement, why in (
        ("ADD ROW ACCESS POLICY pol.own_country(a, b)", "takes 1 arguments"),
        ("ADD ROW ACCESS POLICY pol.own_country(nope)", "not present"),
        ("ADD ROW ACCESS POLICY pol.hide_ssn(b, a)", "returns BOOLEAN"),
        ("ADD ROW ACCESS POLICY pol.none_such(b)", "does not exist"),
        ("MODIFY COLUMN a SET MASKING POLICY pol.hide_ssn(b, a)", "returns the type"),
        ("DROP ROW ACCESS POLICY pol.own_country(b)", "is not set"),
    ):
        with pytest.raises(JobFailed, match=why):
            dremio.query(f"ALTER VIEW pol.v {statement}")
    dremio.query("CREATE FUNCTION pol.stars(x VARCHAR) RETURNS VARCHAR RETURN SELECT '***'")
    dremio.query("ALTER VIEW pol.v MODIFY COLUMN b SET MASKING POLICY pol.stars(b)")
    listed = "SELECT policy_type, column_name, function_name FROM sys.policies WHERE dataset = "
    assert dremio.rows(listed + "'pol.v'") == [("COLUMN_MASKING", "b", "pol.stars")]
    assert people("olga").rest.rows("SELECT * FROM pol.v") == [(1, "***")]
    # A replaced view keeps its policies; a missing function closes it; a new one opens it again.
    dremio.query("CREATE OR REPLACE VIEW pol.v AS SELECT 2 AS a, 'y' AS b")
    assert dremio.rows("SELECT * FROM pol.v") == [(2, "***")]
    dremio.query("DROP FUNCTION pol.stars")
    with pytest.raises(JobFailed, match="of its policy does not exist"):
        dremio.query("SELECT * FROM pol.v")
    dremio.query("ALTER VIEW pol.v MODIFY COLUMN b UNSET MASKING POLICY pol.stars")
    assert dremio.rows("SELECT * FROM pol.v") == [(2, "y")]
    dremio.query("ALTER TABLE IF EXISTS pol.nothing ADD ROW ACCESS POLICY pol.own_country(b)")


def test_a_table_has_its_policies_from_the_start(
    dremio: Dremio, people: Callable[[str], Person]
) -> None:
    olga, hans = people("olga"), people("hans")
    values = "('ann', 'CA', '111-11', 10), ('bob', 'US', '222-22', 20), ('cid', 'US', 'oops', 30)"
    people_of = f"(VALUES {values}) AS p(who, country, ssn, pay)"
    for sql in (
        "CREATE TABLE gold.pol.made (who VARCHAR, country VARCHAR, ssn VARCHAR NOT NULL "
        "MASKING POLICY pol.hide_ssn (ssn, pay), pay INT) "
        "ROW ACCESS POLICY pol.own_country (country)",
        f"INSERT INTO gold.pol.made VALUES {values}",
        f"CREATE TABLE gold.pol.copied PARTITION BY (country) ROW ACCESS POLICY "
        f"pol.own_country(country) AS SELECT who, country FROM {people_of}",
        "CREATE VIEW pol.seen (who, land, ssn MASKING POLICY pol.hide_ssn (ssn, pay), pay) "
        f"ROW ACCESS POLICY pol.own_country (land) AS SELECT * FROM {people_of}",
        "GRANT SELECT ON TABLE gold.pol.made TO ROLE PUBLIC",
        "GRANT SELECT ON TABLE gold.pol.copied TO ROLE PUBLIC",
    ):
        dremio.query(sql)
    rows = "SELECT who, ssn FROM {} ORDER BY who"
    for place in ("gold.pol.made", "pol.seen"):
        assert olga.rest.rows(rows.format(place)) == [("bob", "XXX"), ("cid", "oops")]
        assert len(hans.rest.rows(rows.format(place))) == 3
    assert olga.rest.rows("SELECT who FROM gold.pol.copied ORDER BY 1") == [("bob",), ("cid",)]
    dremio.query("DROP TABLE gold.pol.made")
    dremio.query("CREATE TABLE gold.pol.made AS SELECT 'ann' AS who, 'CA' AS country")
    dremio.query("GRANT SELECT ON TABLE gold.pol.made TO ROLE PUBLIC")
    assert olga.rest.rows("SELECT who FROM gold.pol.made") == [("ann",)]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("(a INT) ROW ACCESS POLICY pol.nothing(a)", "does not exist"),
        ("(a INT) ROW ACCESS POLICY pol.own_country(b)", "not present"),
        ("(a INT MASKING POLICY pol.hide_ssn(a, a))", "returns the type of its column"),
        ("ROW ACCESS POLICY pol.own_country(c) AS SELECT 1 / 0 AS a, 'x' AS c", "divide by zero"),
    ],
)
def test_a_policy_that_does_not_fit_makes_no_table(dremio: Dremio, sql: str, why: str) -> None:
    with pytest.raises(JobFailed, match=why):
        dremio.query(f"CREATE TABLE gold.pol.unmade {sql}")
    tables = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.\"TABLES\" WHERE TABLE_NAME = 'unmade'"
    assert dremio.rows(tables) == []
    assert dremio.rows("SELECT * FROM sys.policies WHERE dataset LIKE '%unmade%'") == []
