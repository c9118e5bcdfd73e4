"""sqlglot's DuckDB dialect with time travel, which it does not write."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator

from services.dremio.state.errors import validation


class LakeletDuckDB(DuckDB):
    """DuckDB; `AT SNAPSHOT '7'` becomes `AT (VERSION => 7)`."""

    # As the engine's database is set: an order that is this one anyway is not written.
    NULL_ORDERING = "nulls_are_large"
    ALIAS_POST_VERSION = False  # the alias stands before AT

    class Generator(DuckDBGenerator):
        """Writes a table's version as DuckDB reads it."""

        def version_sql(self, expression: exp.Version) -> str:
            """Return the AT clause. Raises DremioError (VALIDATION) for what is no snapshot."""
            if expression.name.upper() == "TIMESTAMP":
                moment = self.sql(expression, "expression")
                return f"AT (TIMESTAMP => CAST({moment} AS TIMESTAMP))"
            text = expression.expression.name
            if not text.isdigit():
                raise validation(f"'{text}' is no snapshot's id")
            return f"AT (VERSION => {text})"


DUCKDB = Dialect.get_or_raise(LakeletDuckDB)
