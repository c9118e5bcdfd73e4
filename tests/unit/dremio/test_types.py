"""Types as Dremio answers them."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from services.dremio.state import types


@pytest.mark.parametrize(
    ("sql", "arrow", "name"),
    [
        ("1::TINYINT", pa.int32(), "INTEGER"),
        ("1::UBIGINT", pa.int64(), "BIGINT"),
        ("1::HUGEINT", pa.int64(), "BIGINT"),
        ("1.50::DECIMAL(12, 2)", pa.decimal128(12, 2), "DECIMAL"),
        ("now()", pa.timestamp("ms"), "TIMESTAMP"),
        ("now()::TIMESTAMP", pa.timestamp("ms"), "TIMESTAMP"),
        ("uuid()", pa.string(), "CHARACTER VARYING"),
        ("'a'::BLOB", pa.binary(), "BINARY VARYING"),
        ("[1::SMALLINT]", pa.list_(pa.int32()), "ARRAY"),
        ("{'a': 1::BIGINT}", pa.struct([("a", pa.int64())]), "ROW"),
        ("NULL", pa.int32(), "INTEGER"),
    ],
)
def test_duckdb_types_become_dremio_types_and_can_be_stored(
    sql: str, arrow: pa.DataType, name: str
) -> None:
    connection = duckdb.connect()
    found = types.from_duckdb(connection.sql(f"SELECT {sql} AS x").types[0])
    assert found == arrow
    assert types.information_name(found) == name
    connection.execute(f"CREATE TABLE t (x {types.to_duckdb(found)})")
    assert types.from_duckdb(connection.sql("SELECT x FROM t").types[0]) == arrow


def test_iceberg_schema_is_the_current_one() -> None:
    old = {"schema-id": 0, "fields": [{"id": 1, "name": "a", "type": "int"}]}
    new = {
        "schema-id": 1,
        "fields": [
            {"id": 1, "name": "a", "type": "long"},
            {"id": 2, "name": "b", "type": "decimal(9, 2)"},
            {"id": 3, "name": "c", "type": {"type": "list", "element": "timestamptz"}},
        ],
    }
    schema = types.iceberg_schema({"current-schema-id": 1, "schemas": [old, new]})
    assert schema == pa.schema(
        [("a", pa.int64()), ("b", pa.decimal128(9, 2)), ("c", pa.list_(pa.timestamp("ms")))]
    )


def test_conform_truncates_to_milliseconds_and_narrows_sums() -> None:
    batch = (
        duckdb.sql(
            "SELECT sum(i) AS s, max(TIMESTAMP '2020-01-01 00:00:00.123456') AS t "
            "FROM range(4) r(i)"
        )
        .to_arrow_table()
        .to_batches()[0]
    )
    schema = pa.schema([("s", pa.int64()), ("t", pa.timestamp("ms"))])
    row = types.conform(batch, schema).to_pylist()[0]
    assert row["s"] == 6
    assert row["t"].microsecond == 123000


def test_timestamps_are_cut_to_milliseconds() -> None:
    micros = [0, 999, 1000, -1, -1000, 1_700_000_000_123_456, None, 253_402_300_799_999_999]
    column = pa.array(micros, pa.timestamp("us"))
    schema = pa.schema([("at", pa.timestamp("ms"))])
    for part in (column, column.slice(1), column.drop_null()):
        batch = types.conform(pa.RecordBatch.from_arrays([part], ["at"]), schema)
        batch.validate(full=True)
        found = batch.column(0).cast(pa.int64()).to_pylist()
        wanted = [None if v is None else v // 1000 for v in part.cast(pa.int64()).to_pylist()]
        assert found == wanted
