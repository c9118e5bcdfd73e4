"""The last look before DuckDB: nothing that reaches outside the catalog passes."""

from __future__ import annotations

import re

from sqlglot import exp

from services.dremio.state.errors import DremioError, ErrorKind, validation

# Functions of DuckDB's that read files, settings, secrets or other queries' text.
_FORBIDDEN = re.compile(
    r"^(read_|write_|parquet_|sniff_|scan_|iceberg_|postgres_|mysql_|sqlite_|duckdb_|pragma_|delta_|"
    r"arrow_scan|pandas_scan|python_|seq_scan|glob$|query$|query_table$|getenv$|getvariable$|"
    r"current_setting$|set_config$|which_secret|json_execute|json_serialize_sql|from_substrait|"
    r"load_aws|checkpoint$|force_checkpoint|st_read|add_parquet|repeat_row$|test_|nextval$|currval$|"
    r"txid_current|version$|in_search_path|current_schemas|storage_info|table_info|enable_|disable_)",
    re.IGNORECASE,
)
_ROOTS = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge)


def guard(tree: exp.Expression) -> None:
    """Refuse what is not a query or DML, and functions that reach outside.

    Raises DremioError (VALIDATION).
    """
    if not isinstance(tree, _ROOTS):
        raise DremioError(ErrorKind.PARSE, "Failure parsing the query. Expected a query or DML")
    for node in tree.walk():
        if isinstance(
            node, exp.Command | exp.Copy | exp.Attach | exp.Detach | exp.Pragma | exp.Set
        ):
            raise validation(f"{type(node).__name__.upper()} is not allowed")
        if isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
            raise validation("Parameters are not supported here: write the value")
        if isinstance(node, exp.ReadCSV | exp.ReadParquet):
            raise validation(f"No match found for function signature {node.sql_name()}")
        if isinstance(node, exp.Anonymous) and _FORBIDDEN.match(node.name):
            raise validation(f"No match found for function signature {node.name}")
