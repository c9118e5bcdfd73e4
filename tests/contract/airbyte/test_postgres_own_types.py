"""Types of extensions and of users' own, and arrays, domains and ranges of all: as PostgreSQL
prints them, alike from a table, from the first snapshot and from the log."""

from __future__ import annotations

import datetime

import pytest

from tests.contract.airbyte.client import Airbyte, rows
from tests.contract.airbyte.test_cdc import APPEND, Cdc

FULL = {"syncMode": "full_refresh", "destinationSyncMode": "overwrite"}
EXTENSIONS = ("citext", "hstore", "ltree", "cube", "seg", "isn", "lo")
# Types of one's own: one has a cast to text that says something else, three have names of
# PostgreSQL's own types.
MADE = """
CREATE TYPE addr AS (street text, no int, since date);
CREATE FUNCTION said(addr) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'cast' $$;
CREATE CAST (addr AS text) WITH FUNCTION said(addr);
CREATE TYPE mood AS ENUM ('sad', 'so so');
CREATE TYPE own_range AS RANGE (subtype = float8);
CREATE TYPE {schema}.date AS (x pg_catalog.text);
CREATE TYPE {schema}.text AS (x int);
CREATE TYPE {schema}.int4 AS ENUM ('a', 'b');
CREATE DOMAIN d_citext AS citext;
CREATE DOMAIN d_hstore AS hstore;
CREATE DOMAIN d_array AS int[];
CREATE DOMAIN d_addr AS addr;
CREATE DOMAIN d_range AS int4range;
CREATE DOMAIN d_date AS pg_catalog.date;
CREATE DOMAIN d_char AS char(4);
CREATE DOMAIN d_mood AS mood;
CREATE TABLE plain (a int, b pg_catalog.text);
"""
# (type, a value, another) as SQL; what is a list in bronze comes after the others.
TEXTS = (
    ("citext", "'AbC'", "''"),
    ("hstore", """'a=>1, "b c"=>NULL'""", "''"),
    ("ltree", "'a.b.c'", "''"),
    ("lquery", "'a.*'", "NULL"),
    ("cube", "'(1,2),(3,4)'", "NULL"),
    ("seg", "'1..2'", "NULL"),
    ("isbn", "'978-0-393-04002-9'", "NULL"),
    ("lo", "12345", "0"),
    ("addr", "ROW('a, b', 5, NULL)", "ROW('\"', NULL, NULL)"),
    ("addr[]", "ARRAY[ROW('x', 1, '2024-01-01')::addr]", "'{}'"),
    ("plain", "ROW(1, 'x')", "ROW(NULL, NULL)"),
    ("mood", "'so so'", "'sad'"),
    ("own_range", "'[1.5,2.5]'", "'empty'"),
    ("{schema}.date", "ROW('x')", "NULL"),
    ("{schema}.text", "ROW(5)", "NULL"),
    ("{schema}.int4", "'a'", "NULL"),
    ("d_citext", "'DoM'", "NULL"),
    ("d_hstore", "'k=>v'", "NULL"),
    ("d_array[]", "ARRAY['{1,2}'::d_array]", "'{}'"),
    ("d_addr", "ROW('q', 2, NULL)", "NULL"),
    ("d_range", "'[1,3]'", "'empty'"),
    ("d_date[]", "ARRAY['2024-01-01'::d_date]", "'{infinity}'"),
    ("d_mood", "'sad'", "NULL"),
    ("d_mood[]", "'{sad,\"so so\"}'", "'{}'"),
    ("hstore[]", "ARRAY['a=>1'::hstore]", "'{}'"),
    ("citext[]", "'{Ab,cD}'", "'{NULL}'"),
    ("tsvector", "'fat:1A cat:2B'", "''"),
    ("tsvector[]", "ARRAY['a b'::tsvector]", "'{}'"),
    ("tsquery", "'fat & cat'", "''"),
    ("numrange", "'[1.5,2)'", "'(,)'"),
    ("daterange", "'[2024-01-01,2024-02-01]'", "'[,infinity]'"),
    ("tsrange", "'[2024-01-01 10:00,2024-01-02)'", "'empty'"),
    ("tstzrange", "'[2024-01-01 10:00+02,2024-01-02)'", "'[,)'"),
    ("int8range", "'[1,9]'", "NULL"),
    ("int4multirange", "'{[1,3),[5,7)}'", "'{}'"),
    ("tstzmultirange", "'{[2024-01-01 10:00+02,2024-01-02)}'", "'{}'"),
    ("int4range[]", "ARRAY['[1,3)'::int4range]", "'{}'"),
    ("int4multirange[]", "ARRAY['{[1,3)}'::int4multirange]", "NULL"),
    ("oid", "12345", "0"),
    ("oid[]", "'{1,2}'", "'{}'"),
    ("int2vector", "'1 2'", "''"),
    ("regclass", "'pg_class'", "NULL"),
    ('"char"', "'a'", "''"),
    ("varbit", "B'1010'", "B''"),
    ("macaddr", "'08:00:2b:01:02:03'", "NULL"),
    ("cidr", "'10.0.0.0/8'", "'::/0'"),
    ("inet", "'10.0.0.1'", "'::1/64'"),
    ("inet[]", "'{10.0.0.1,::1}'", "'{}'"),
    ("polygon", "'((0,0),(1,1),(1,0))'", "NULL"),
    ("box[]", "'{(1,1),(0,0);(2,2),(1,1)}'", "'{}'"),
    ("path", "'[(0,0),(1,1)]'", "NULL"),
    ("interval[]", "'{1 day}'", "'{}'"),
    ("interval year to month", "'1 year 2 mons'", "'-1 year'"),
    ("timetz[]", "'{10:00+02}'", "'{}'"),
    ("money[]", "'{12.5}'", "'{}'"),
    ("numeric(3, -2)", "12345", "NULL"),
    ("numeric(2, 5)", "0.00012", "NULL"),
    ("pg_lsn", "'16/B374D848'", "NULL"),
    ("xid8", "'70'", "NULL"),
    ("jsonpath", "'$.a'", "NULL"),
    ("pg_catalog.text[][]", "'{{a,b},{c,d}}'", "'{}'"),
)
LISTS = (
    ("d_array", "'{1,2}'", "'{NULL}'", [1, 2], [None]),
    ("d_char", "'ab'", "''", "ab", ""),
    ("uuid[]", f"'{{{'a' * 32}}}'", "'{}'", ["aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"], []),
    ("jsonb[]", """ARRAY['{"a": 1}'::jsonb, 'null']""", "'{}'", ['{"a": 1}', "null"], []),
    ("time[]", "'{10:11}'", "'{NULL}'", [datetime.time(10, 11)], [None]),
    ("bool[]", "'{t,f,NULL}'", "'{}'", [True, False, None], []),
    ("float4[]", "'{1.5,-Infinity}'", "'{}'", [1.5, float("-inf")], []),
    ("float8[]", "'{1e300,0.1}'", "'{}'", [1e300, 0.1], []),
    ("int2[]", "'{1,-5}'", "'{}'", [1, -5], []),
    ("int8[]", "'{1,9000000000}'", "'{}'", [1, 9000000000], []),
    ("varchar(5)[]", "'{ab,\"c,d\"}'", "'{\"\"}'", ["ab", "c,d"], [""]),
)
SCHEMA = "own_types"
NAMES = [f"c{number}" for number in range(len(TEXTS) + len(LISTS))]


@pytest.fixture(scope="module")
def cdc(airbyte: Airbyte) -> Cdc:
    with airbyte.shop() as db:
        for extension in EXTENSIONS:
            db.execute(f"CREATE EXTENSION {extension} SCHEMA public")
    kinds = [each[0].format(schema=SCHEMA) for each in (*TEXTS, *LISTS)]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, kinds, strict=True))
    path = f"SET search_path = {SCHEMA}, public;"
    made = f"{path} {MADE.format(schema=SCHEMA)} CREATE TABLE {SCHEMA}.t (id int, {columns})"
    return Cdc(airbyte, SCHEMA, made)


def test_values_are_alike_from_the_table_the_snapshot_and_the_log(
    airbyte: Airbyte, cdc: Cdc
) -> None:
    def insert(number: int) -> None:
        for which in (1, 2):
            values = ", ".join(each[which] for each in (*TEXTS, *LISTS))
            cdc.db.execute(f"INSERT INTO t VALUES ({number + which}, {values})".encode())

    try:
        insert(0)
        source = airbyte.source(airbyte.postgres_config(schemas=[SCHEMA]))
        standard = airbyte.connect(source, "own_types_standard", {"t": FULL})
        by_log = cdc.connect({"t": APPEND})
        for connection in (standard, by_log):
            airbyte.sync(connection)
        insert(10)
        airbyte.sync(by_log)
        # As a query prints them, which is neither what a cast to text gives nor what a client makes
        # of them.
        printed = ", ".join(f"concat({name})" for name in NAMES[: len(TEXTS)])
        query = f"SELECT {printed} FROM t WHERE id < 10 ORDER BY id"
        texts = cdc.db.execute(query.encode()).fetchall()
    finally:
        cdc.close()
    listing = f"{', '.join(NAMES)}, len(_airbyte_meta.changes)"
    read, log = f"bronze.{SCHEMA}_standard.t", f"bronze.{SCHEMA}.t"
    found = rows(airbyte.settings, f"SELECT {listing} FROM {read} ORDER BY id")
    found += rows(airbyte.settings, f"SELECT {listing} FROM {log} ORDER BY id")
    for which, values in enumerate(found):
        number = which % 2
        assert values[-1] == 0, "something was nulled"
        for each, value, printed in zip(TEXTS, values, texts[number], strict=False):
            mask = "/32" if each[:2] == ("inet", "'10.0.0.1'") and not number else ""
            wanted = None if each[1 + number] == "NULL" else f"{printed}{mask}"
            assert value == wanted, (each[0], which)
        for listed, value in zip(LISTS, values[len(TEXTS) : -1], strict=True):
            assert value == listed[3 + number], (listed[0], which)
