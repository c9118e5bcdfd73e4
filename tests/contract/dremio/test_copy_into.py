"""COPY INTO from CSV, JSON and Parquet files of a bucket; what is refused is kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from minio import Minio

from tests.support.dremio import Dremio, JobFailed
from tests.support.platform import Home

pytestmark = pytest.mark.ours("it writes to the storage behind the source")

Put = Callable[[str, str | bytes], None]


@pytest.fixture(scope="module")
def put(engine_home: Home) -> Put:
    """Write an object below landing/copy."""
    settings = engine_home.settings
    client = Minio(
        settings.s3_endpoint,
        "airbyte",
        settings.airbyte_s3_secret_key.get_secret_value(),
        secure=False,
        region="us-east-1",
    )

    def write(name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        client.put_object("landing", f"copy/{name}", io.BytesIO(data), len(data))

    return write


@pytest.fixture
def target(dremio: Dremio) -> Iterator[str]:
    dremio.query("CREATE TABLE gold.copied (id INT, name VARCHAR, day DATE, price DECIMAL(10, 2))")
    yield "gold.copied"
    dremio.query("DROP TABLE gold.copied")


def copy(dremio: Dremio, what: str, table: str = "gold.copied") -> tuple[int, int]:
    result = dremio.query(f"COPY INTO {table} FROM '@lake/landing/copy/{what}")
    assert [c["name"] for c in result["schema"]] == ["Rows Inserted", "Rows Rejected"]
    inserted, rejected = result["rows"][0].values()
    return inserted, rejected


def test_csv_columns_go_by_name_in_one_snapshot(dremio: Dremio, put: Put, target: str) -> None:
    put("two/b.csv", "NAME,Id,unknown\nann,1,x\nbob,2,y\n")
    put("two/a.csv", 'price,name,id,day\n1.50,"c, ""d""",3,2024-02-03\n,,4,\n')
    assert copy(dremio, "two'") == (4, 0)
    assert dremio.rows(f"SELECT * FROM {target} ORDER BY id") == [
        (1, "ann", None, None),
        (2, "bob", None, None),
        (3, 'c, "d"', "2024-02-03", 1.5),
        (4, None, None, None),
    ]
    snapshots = dremio.rows(f"SELECT snapshot_id FROM TABLE(table_snapshot('{target}'))")
    assert len(snapshots) == 1


def test_the_csv_options(dremio: Dremio, put: Put, target: str) -> None:
    put("opt/a.txt", "made by hand\nid|name|day\n1| 'a|b' |03/02/2024\n2|NA|NA\n3||\n")
    assert copy(
        dremio,
        "opt/a.txt' FILE_FORMAT 'csv' (FIELD_DELIMITER '|', QUOTE_CHAR '''', ESCAPE_CHAR '''', "
        "SKIP_LINES 1, DATE_FORMAT 'DD/MM/YYYY', NULL_IF ('NA'), EMPTY_AS_NULL 'true')",
    ) == (3, 0)
    found = dremio.rows(f"SELECT id, name, day FROM {target} ORDER BY id")
    assert [row[2] for row in found] == ["2024-02-03", None, None]
    assert found[1:] == [(2, None, None), (3, None, None)]
    dremio.query(f"TRUNCATE TABLE {target}")
    put("opt/bare.csv", "7,seven\n8,\n")
    assert copy(dremio, "opt/bare.csv' (EXTRACT_HEADER 'false', EMPTY_AS_NULL 'false')") == (2, 0)
    assert dremio.rows(f"SELECT id, name FROM {target} ORDER BY id") == [(7, "seven"), (8, "")]
    dremio.query(f"TRUNCATE TABLE {target}")
    put("opt/trim.csv", "id,name\n1,  x \n")
    copy(dremio, "opt/trim.csv' (TRIM_SPACE 'true')")
    assert dremio.rows(f"SELECT name FROM {target}") == [("x",)]


def test_files_and_regex_choose(dremio: Dremio, put: Put, target: str) -> None:
    for number in range(1, 4):
        put(f"many/part_{number}.csv", f"id\n{number}\n")
    put("many/deep/part_9.csv", "id\n9\n")
    put("many/odd[1]*.csv", "id\n77\n")
    assert copy(dremio, "many' FILES ('part_1.csv', 'deep/part_9.csv')") == (2, 0)
    assert copy(dremio, "many' REGEX 'part_[23].csv' FILE_FORMAT 'csv'") == (2, 0)
    assert copy(dremio, "many' FILES ('odd[1]*.csv')") == (1, 0)
    assert dremio.rows(f"SELECT id FROM {target} ORDER BY 1") == [(1,), (2,), (3,), (9,), (77,)]
    for wrong, message in (
        ("many' FILES ('none.csv')", "Cannot find file"),
        ("nothing'", "No files found"),
        ("many' (NO_SUCH 'x')", "'NO_SUCH' option is not supported"),
        ("many' FILE_FORMAT 'json' (FIELD_DELIMITER '|')", "is not an option of the file format"),
        ("many' FILE_FORMAT 'xml'", "'xml' is not supported"),
    ):
        with pytest.raises(JobFailed, match=message):
            copy(dremio, wrong)


BAD = "id,name,price\n1,a,1\nx,b,2\n3,c,3\n4,d,cheap\n"


def test_abort_loads_nothing(dremio: Dremio, put: Put, target: str) -> None:
    put("bad/a.csv", "id\n1\n")
    put("bad/b.csv", BAD)
    with pytest.raises(JobFailed, match=r"b\.csv.*Line: 3"):
        copy(dremio, "bad'")
    assert dremio.rows(f"SELECT count(*) FROM {target}") == [(0,)]


def test_continue_keeps_the_refused_records(dremio: Dremio, put: Put, target: str) -> None:
    put("some/a.csv", "id\n10\n")
    put("some/b.csv", BAD)
    assert copy(dremio, "some' (ON_ERROR 'continue')") == (3, 2)
    assert dremio.rows(f"SELECT id FROM {target} ORDER BY 1") == [(1,), (3,), (10,)]
    refused = dremio.query(f"SELECT * FROM TABLE(copy_errors('{target}'))")["rows"]
    assert [(r["file_name"], r["line_number"], r["column_name"]) for r in refused] == [
        ("b.csv", 3, "id"),
        ("b.csv", 5, "price"),
    ]
    assert refused[0]["error"].endswith("in: x,b,2")
    job = refused[0]["job_id"]
    by_job = dremio.rows(f"SELECT count(*) FROM TABLE(copy_errors('{target}', '{job}'))")
    assert by_job == [(2,)]
    told = dremio.rows(
        "SELECT file_path, file_state, records_loaded_count, records_rejected_count "
        f"FROM sys.copy_errors_history WHERE job_id = '{job}'"
    )
    assert told == [("b.csv", "PARTIALLY_LOADED", 2, 2)]


def test_skip_file_leaves_whole_files_out(dremio: Dremio, put: Put, target: str) -> None:
    put("skip/a.csv", "id\n10\n")
    put("skip/b.csv", BAD)
    put("skip/c.csv", "id\n11\n")
    assert copy(dremio, "skip' (ON_ERROR 'skip_file')") == (2, 2)
    assert dremio.rows(f"SELECT id FROM {target} ORDER BY 1") == [(10,), (11,)]


def test_json(dremio: Dremio, put: Put, target: str) -> None:
    put("json/a.json", '{"ID": 1, "name": " a ", "day": "2024-01-02", "more": [1]}\n{"ID": 2}\n')
    put("json/b.json", '[{"id": 3, "price": 2.5}, {"id": 4, "name": ""}]')
    assert copy(dremio, "json' FILE_FORMAT 'json' (TRIM_SPACE 'true')") == (4, 0)
    assert dremio.rows(f"SELECT * FROM {target} ORDER BY id") == [
        (1, "a", "2024-01-02", None),
        (2, None, None, None),
        (3, None, None, 2.5),
        (4, None, None, None),
    ]
    put("json/c.json", '{"id": 5}\n{"id": "six"}\n')
    with pytest.raises(JobFailed, match="six"):
        copy(dremio, "json' FILES ('c.json')")
    assert copy(dremio, "json' FILES ('c.json', 'b.json') (ON_ERROR 'continue')") == (2, 1)
    refused = dremio.rows(f"SELECT file_name FROM TABLE(copy_errors('{target}'))")
    assert refused == [("c.json",)]


def test_parquet(dremio: Dremio, put: Put, target: str) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"Id": pa.array([1, 2], pa.int64()), "x": ["p", "q"]}), stream)
    put("pq/a.parquet", stream.getvalue())
    put("pq/b.parquet", b"no parquet at all")
    assert copy(dremio, "pq/a.parquet'") == (2, 0)
    assert copy(dremio, "pq' (ON_ERROR 'skip_file')") == (2, 1)
    with pytest.raises(JobFailed, match="not supported for parquet"):
        copy(dremio, "pq' (ON_ERROR 'continue')")
    put("pq/other/c.parquet", stream.getvalue().replace(b"Id", b"Ix"))
    with pytest.raises(JobFailed, match="No column name matches"):
        copy(dremio, "pq/other'")


def test_only_a_sources_files_are_reached(dremio: Dremio, target: str) -> None:
    for location in ("@nowhere/a.csv", "@gold/../../etc/passwd", "/etc/passwd", "@"):
        with pytest.raises(JobFailed):
            dremio.query(f"COPY INTO {target} FROM '{location}' FILE_FORMAT 'csv'")


def transformed(dremio: Dremio, what: str) -> tuple[int, int]:
    result = dremio.query(f"COPY INTO {what}")
    inserted, rejected = result["rows"][0].values()
    return inserted, rejected


def test_a_query_over_csv_files_by_the_headers_names(dremio: Dremio, put: Put, target: str) -> None:
    put("query/a.csv", "Key,who,amount,day\n1, ann ,10.5,03/02/2024\n2,BOB,,04/02/2024\n")
    put("query/b.csv", "who,day,key,amount\ncy,05/02/2024,3,7\n")
    assert transformed(
        dremio,
        f"{target} (id, price, name, day) FROM (SELECT CAST(t.key AS INT) + 100, "
        "COALESCE(amount, '0') AS whatever, UPPER(TRIM(who)), TO_DATE(day, 'DD/MM/YYYY') "
        "FROM '@lake/landing/copy/query' t) FILE_FORMAT 'csv'",
    ) == (3, 0)
    assert dremio.rows(f"SELECT id, name, day, price FROM {target} ORDER BY id") == [
        (101, "ANN", "2024-02-03", 10.5),
        (102, "BOB", "2024-02-04", 0.0),
        (103, "CY", "2024-02-05", 7.0),
    ]


def test_a_query_over_a_csv_file_by_number(dremio: Dremio, put: Put, target: str) -> None:
    put("number/a.csv", "made by hand\nx;5;ann;2024-02-03\ny;6;;\n")
    assert transformed(
        dremio,
        f"{target}(name, id) FROM (SELECT $3 || '!', $2 FROM '@lake/landing/copy/number/a.csv') "
        "(EXTRACT_HEADER FALSE, SKIP_LINES 1, FIELD_DELIMITER ';')",
    ) == (2, 0)
    assert dremio.rows(f"SELECT id, name, day FROM {target} ORDER BY id") == [
        (5, "ann!", None),
        (6, None, None),
    ]


def test_a_query_over_parquet_files(dremio: Dremio, put: Put, target: str) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"number": [1, 2], "text": ["a", "b"], "money": [1.25, 2.5]}), sink)
    put("parquet_query/a.parquet", sink.getvalue())
    assert transformed(
        dremio,
        f"{target} FROM (SELECT number * 10, text, NULL, money / 2 "
        "FROM '@lake/landing/copy/parquet_query')",
    ) == (2, 0)
    assert dremio.rows(f"SELECT * FROM {target} ORDER BY id") == [
        (10, "a", None, 0.63),
        (20, "b", None, 1.25),
    ]


def test_a_file_whose_rows_fail_in_the_query_is_skipped_whole_or_nothing_is_loaded(
    dremio: Dremio, put: Put, target: str
) -> None:
    put("failing/a.csv", "k\n1\nnone\n")
    put("failing/b.csv", "k\n2\n")
    query = f"{target} (id) FROM (SELECT CAST(k AS INT) FROM '@lake/landing/copy/failing')"
    with pytest.raises(JobFailed, match="none"):
        transformed(dremio, query)
    assert dremio.rows(f"SELECT * FROM {target}") == []
    assert transformed(dremio, f"{query} FILE_FORMAT 'csv' (ON_ERROR 'skip_file')") == (1, 1)
    assert dremio.rows(f"SELECT id FROM {target}") == [(2,)]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("(SELECT k FROM '@lake/landing/copy/failing' WHERE k = '1')", "WHERE in the query"),
        ("(SELECT k FROM '@lake/landing/copy/failing' ORDER BY k)", "ORDER BY in the query"),
        ("(SELECT COUNT(*) FROM '@lake/landing/copy/failing')", "aggregate and window"),
        ("(SELECT MEDIAN(k) FROM '@lake/landing/copy/failing')", "aggregate and window"),
        ("(SELECT k FROM '@lake/landing/copy/failing', gold.copied)", "JOIN in the query"),
        ("(SELECT (SELECT 1) FROM '@lake/landing/copy/failing')", "one location"),
        ("(SELECT k FROM gold.copied)", "expected one FROM '@source/path'"),
        ("(SELECT k FROM '@lake/landing/copy/failing') FILE_FORMAT 'json'", "JSON"),
        ("(SELECT k FROM '@lake/landing/copy/failing') (ON_ERROR 'continue')", "'skip_file'"),
        ("(SELECT nothing FROM '@lake/landing/copy/failing')", "nothing"),
        ("(SELECT read_text('x') FROM '@lake/landing/copy/failing')", "No match found"),
    ],
)
def test_what_a_query_over_files_may_not_do(
    dremio: Dremio, put: Put, target: str, query: str, why: str
) -> None:
    put("failing/a.csv", "k\n1\nnone\n")
    with pytest.raises(JobFailed, match=why):
        transformed(dremio, f"{target} (id) FROM {query}")
    with pytest.raises(JobFailed, match="Column 'other' not found"):
        transformed(
            dremio, f"{target} (other) FROM (SELECT k FROM '@lake/landing/copy/failing/a.csv')"
        )
