"""No function of DuckDB's can be reached that is not Dremio's."""

from __future__ import annotations

import duckdb
import pytest

from services.dremio.sql.functions import BY_NAME, parse, rewrite
from services.dremio.state.errors import DremioError, ErrorKind

from .conftest import Ask

REACHING_OUT = [
    "SELECT getenv('HOME')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_database_list()",
    "SELECT current_setting('temp_directory')",
    "SELECT main.getenv('HOME')",
    "SELECT dremio_fn.main._bytes('x')",
    "SELECT _dremio_crc32('x')",
    "SELECT _BYTES('x')",
    "SELECT list_transform([1], x -> x)",
    "SELECT query('SELECT 1')",
    "SELECT 1 WHERE EXISTS (SELECT getvariable('x'))",
    "SELECT CASE WHEN true THEN nextval('s') END",
    "SELECT \"getenv\"('HOME')",
    "SELECT LOWER(getenv('HOME'))",
    "SELECT a FROM (VALUES (1)) t(a) ORDER BY getenv('HOME')",
    "SELECT COUNT(*) FILTER (WHERE getenv('HOME') = 'x')",
    "SELECT SUM(1) OVER (PARTITION BY getenv('HOME'))",
]


@pytest.mark.parametrize("sql", REACHING_OUT)
def test_what_is_not_dremios_is_refused(sql: str) -> None:
    with pytest.raises(DremioError) as refused:
        rewrite(parse(sql))
    assert refused.value.kind in (ErrorKind.VALIDATION, ErrorKind.FUNCTION)


def test_an_unknown_function_is_named(ask: Ask) -> None:
    with pytest.raises(DremioError, match="No match found for function signature NO_SUCH"):
        ask("no_such(1)")


def test_every_function_of_duckdbs_is_refused_unless_it_is_dremios_too(
    functions_database: duckdb.DuckDBPyConnection,
) -> None:
    names = functions_database.cursor().execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE regexp_full_match(function_name, '[a-z_][a-z0-9_]*')"
    )
    passed = []
    for (name,) in names.fetchall():
        if name.upper() in BY_NAME:
            continue
        try:
            out = rewrite(parse(f"SELECT {name}(1)")).sql("duckdb")
        except Exception:  # noqa: BLE001, S112 - refused, by whichever rule
            continue
        if f"{name}(".upper() in out.upper():
            passed.append(name)
    # Syntax, not functions: `array(…)`, `row(…)`, `unnest(…)`, casts and what EXISTS is made of.
    assert set(passed) <= {"array", "row", "struct", "values", "exists"}


def test_wrong_number_of_arguments(ask: Ask) -> None:
    with pytest.raises(DremioError, match="Invalid number of arguments to function 'DATEDIFF'"):
        ask("DATEDIFF('2020-01-01')")
