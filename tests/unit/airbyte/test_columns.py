from __future__ import annotations

import uuid

import duckdb
import pytest
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    StringType,
)

from services.airbyte.cdk.columns import Column, quote
from services.airbyte.cdk.failures import ConnectorError
from services.airbyte.cdk.naming import clean_name
from services.airbyte.destination.schema import (
    ROW_NUMBERS,
    field_ids,
    holds,
    new_schema,
    promotes,
    select_list,
)
from services.airbyte.sources.file.types import expression, iceberg_type
from services.airbyte.sources.postgres.types import map_type, numeric_precision


def test_numeric_modifiers() -> None:
    assert numeric_precision(((10 << 16) | 2) + 4) == (10, 2)
    assert numeric_precision(-1) == (None, 0)
    assert numeric_precision(((5 << 16) | (0x800 - 2)) + 4)[1] != 2


@pytest.mark.parametrize(
    ("name", "typmod", "dimensions", "expected", "as_text"),
    [
        ("int4", -1, 0, "int", False),
        ("int8", -1, 0, "long", False),
        ("numeric", ((12 << 16) | 4) + 4, 0, "decimal(12, 4)", False),
        ("numeric", -1, 0, "string", True),
        ("numeric", ((60 << 16) | 4) + 4, 0, "string", True),
        ("timestamptz", -1, 0, "timestamptz", False),
        ("_int4", -1, 1, "list<int>", False),
        ("_int4", -1, 2, "string", True),
        ("_numeric", -1, 1, "string", True),
        ("int4range", -1, 0, "string", True),
        ("jsonb", -1, 0, "string", False),
        ("bytea", -1, 0, "binary", False),
    ],
)
def test_postgres_types(
    name: str, typmod: int, dimensions: int, expected: str, as_text: bool
) -> None:
    found = map_type(name, typmod, dimensions, is_enum=False)
    assert str(found.type) == expected
    assert found.as_text is as_text


def test_what_a_column_can_become() -> None:
    assert promotes(IntegerType(), LongType())
    assert promotes(FloatType(), DoubleType())
    assert promotes(DecimalType(8, 2), DecimalType(12, 2))
    assert not promotes(DecimalType(8, 2), DecimalType(12, 4))
    assert not promotes(LongType(), IntegerType())
    assert holds(LongType(), IntegerType())
    assert holds(StringType(), LongType())
    assert not holds(LongType(), StringType())
    assert not holds(StringType(), ListType(1, LongType(), element_required=False))
    assert holds(DecimalType(12, 4), DecimalType(8, 2))
    assert not holds(DecimalType(8, 2), DecimalType(12, 2))


def test_columns_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(ConnectorError, match="differ in case"):
        new_schema((Column("Id", LongType()), Column("id", LongType())))
    with pytest.raises(ConnectorError):
        new_schema((Column("_airbyte_raw_id", StringType()),))


def test_rows_are_made_and_nulled_values_are_noted() -> None:
    columns = (Column("price", DecimalType(8, 2)), Column('odd "name"', StringType()))
    schema, _ = new_schema((*columns, Column("gone", LongType())))
    listing = select_list(
        schema,
        columns,
        nulled={"price": ("price > 100", "SOURCE_FIELD_SIZE_LIMITATION")},
        extracted_at="2024-01-01T00:00:00+00:00",
        sync_id=7,
        generation=3,
    )
    source = "(VALUES (1.5, 'a'), (500, 'b')) AS t(price, " + quote('odd "name"') + ")"
    with duckdb.connect() as duck:
        duck.execute(f"CREATE SEQUENCE {ROW_NUMBERS}")
        found = duck.execute(f"SELECT {listing} FROM {source} ORDER BY 2").df()
    assert [str(value) for value in found["price"]] == ["1.5", "nan"]
    assert found['odd "name"'].tolist() == ["a", "b"]
    assert found["gone"].isna().all()
    assert found["_airbyte_meta"][0]["changes"] is not None
    assert len(found["_airbyte_meta"][0]["changes"]) == 0
    assert found["_airbyte_meta"][1]["changes"][0] == {
        "field": "price",
        "change": "NULLED",
        "reason": "SOURCE_FIELD_SIZE_LIMITATION",
    }
    assert found["_airbyte_generation_id"].tolist() == [3, 3]
    assert {uuid.UUID(value).version for value in found["_airbyte_raw_id"]} == {8}
    assert found["_airbyte_raw_id"].nunique() == 2


def test_field_ids_reach_into_the_metadata() -> None:
    schema, _ = new_schema((Column("it's", ListType(900, LongType(), element_required=False)),))
    text = field_ids(schema)
    assert "'it''s': {__duckdb_field_id: 500, element: 900}" in text
    assert "'_airbyte_meta': {__duckdb_field_id: 300, 'sync_id'" in text


def test_file_types() -> None:
    assert str(iceberg_type("DECIMAL(9,3)")) == "decimal(9, 3)"
    assert str(iceberg_type("UBIGINT")) == "decimal(20, 0)"
    assert str(iceberg_type("STRUCT(a INTEGER)")) == "string"
    assert expression("a", "INTEGER[]") == 'to_json("a")::VARCHAR'


def test_names_fit_every_catalog() -> None:
    assert clean_name("Order Items") == "order_items"
    assert clean_name("ä-ö") == "unnamed"
    assert clean_name("_airbyte") == "airbyte"
