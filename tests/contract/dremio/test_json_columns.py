"""CONVERT_FROM(column, 'JSON'): the rows decide the type, those that there are by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.dremio import Dremio, JobFailed
from tests.support.people import Person


@pytest.fixture
def run(dremio: Dremio) -> Iterator[Dremio]:
    dremio.query("CREATE SPACE documents")
    dremio.query("CREATE TABLE gold.documents (id INT, doc VARCHAR, raw VARBINARY)")
    dremio.query(
        "INSERT INTO gold.documents VALUES "
        """(1, '{"a": 1, "b": ["x", "y"], "c": {"d": null}}', CONVERT_TO('{"z": 1}', 'UTF8')), """
        """(2, '{"a": 2.5, "e": true, "c": {"d": "t"}}', NULL), (3, NULL, NULL)"""
    )
    yield dremio
    dremio.query("DROP TABLE gold.documents")
    dremio.query("DROP SPACE documents")


def test_a_column_of_documents_is_one_structure(run: Dremio) -> None:
    read = "SELECT id, CONVERT_FROM(doc, 'JSON') AS j FROM gold.documents ORDER BY id"
    assert [j for _id, j in run.rows(read)] == [
        {"a": 1.0, "b": ["x", "y"], "c": {"d": None}, "e": None},
        {"a": 2.5, "b": None, "c": {"d": "t"}, "e": True},
        None,
    ]
    assert run.rows("SELECT CONVERT_FROM(raw, 'json') FROM gold.documents WHERE id = 1") == [
        ({"z": 1},)
    ]
    within = (
        "WITH j AS (SELECT CONVERT_FROM(x.doc, 'JSON') AS j FROM gold.documents x), "
        "b AS (SELECT j.j.b AS b FROM j) SELECT FLATTEN(b) FROM b ORDER BY 1"
    )
    assert run.rows(within) == [("x",), ("y",)]


def test_the_type_follows_the_rows(run: Dremio) -> None:
    run.query(
        "CREATE VIEW documents.parsed AS "
        "SELECT id, CONVERT_FROM(doc, 'JSON') AS j FROM gold.documents"
    )
    read = "SELECT p.j.a FROM documents.parsed p ORDER BY id"
    assert run.rows(read) == [(1.0,), (2.5,), (None,)]
    run.query("""INSERT INTO gold.documents VALUES (4, '{"a": "four"}', NULL)""")
    assert run.rows(read) == [("1",), ("2.5",), (None,), ("four",)]


def test_what_has_no_type_is_refused(run: Dremio) -> None:
    with pytest.raises(JobFailed, match="only supported against string literals and direct"):
        run.query("SELECT CONVERT_FROM(doc || '', 'JSON') FROM gold.documents")
    run.query("INSERT INTO gold.documents VALUES (5, '{broken', NULL)")
    with pytest.raises(JobFailed, match="Malformed JSON"):
        run.query("SELECT CONVERT_FROM(doc, 'JSON') FROM gold.documents")


def test_a_hidden_row_tells_nothing(run: Dremio, people: Callable[[str], Person]) -> None:
    run.query(
        "CREATE FUNCTION documents.shown(id INT) RETURNS BOOLEAN "
        "RETURN SELECT IS_MEMBER('ADMIN') OR id = 2"
    )
    run.query("ALTER TABLE gold.documents ADD ROW ACCESS POLICY documents.shown(id)")
    reader = people("reads_documents")
    run.query('GRANT SELECT ON TABLE gold.documents TO USER "reads_documents"')
    rows = reader.rest.rows("SELECT CONVERT_FROM(doc, 'JSON') FROM gold.documents")
    assert rows == [({"a": 2.5, "c": {"d": "t"}, "e": True},)]
