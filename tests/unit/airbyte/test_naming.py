from __future__ import annotations

from services.airbyte.cdk.naming import Name, shared, table_name


def tables(*streams: tuple[str, str], namespace: str) -> list[tuple[tuple[str, str], Name]]:
    settings = {"definition": "customformat", "namespace_format": namespace, "prefix": ""}
    return [(one, table_name(*one, default="bronze", **settings)) for one in streams]


def test_streams_that_would_replace_each_others_rows_are_named() -> None:
    told = shared(tables(("public", "orders"), ("Sales", "Orders"), namespace="crm"))
    assert told is not None
    assert (
        "streams public.orders and Sales.Orders would both be written to table crm.orders" in told
    )
    assert "${SOURCE_NAMESPACE}" in told
    # Names that differ in what a table's name does not keep: no namespace tells them apart.
    told = shared(tables(("s", "a b"), ("s", "a-b"), namespace="x_${SOURCE_NAMESPACE}"))
    assert told is not None
    assert "x_s.a_b" in told
    assert "prefix" in told
    assert "SOURCE_NAMESPACE" not in told


def test_each_schema_may_have_tables_of_its_own() -> None:
    own = tables(("public", "orders"), ("Sales", "Orders"), namespace="crm_${SOURCE_NAMESPACE}")
    assert shared(own) is None
    assert [table for _, table in own] == [("crm_public", "orders"), ("crm_sales", "orders")]
