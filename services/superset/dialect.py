"""Dremio's SQL as Superset's parser shall see it: read for its structure, printed as written.

Superset parses every statement with sqlglot (to find its tables, to add limits and filters)
and prints it again. The stock dialect knows functions by sqlglot's own meaning and prints
another: `TO_CHAR(x, 'YYYY')` comes out as `CAST(x AS TEXT)`, `APPROX_COUNT_DISTINCT` as
`APPROX_DISTINCT`, `STRPOS` as `STR_POSITION`. Here a call is a name and its arguments, so the
engine gets the function that the user wrote. Time travel (`AT SNAPSHOT '…'`, `AT BRANCH b`),
which stock sqlglot does not read, is kept as well.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp, generator, parser, tokens
from sqlglot.dialects.dialect import Dialect

# Calls whose arguments are not a plain list, and which print as they were read.
_SPECIAL_SYNTAX = (
    "CAST",
    "CEIL",
    "EXTRACT",
    "FLOOR",
    "OVERLAY",
    "POSITION",
    "SUBSTRING",
    "TRIM",
)

_TIME_TRAVEL = ("SNAPSHOT", "BRANCH", "TAG", "COMMIT", "REFERENCE")


class LakeletDremio(Dialect):
    """Dremio, with function calls passed on verbatim."""

    NORMALIZE_FUNCTIONS = False
    # Dremio sorts NULL last in both directions: `NULLS FIRST` must be printed, always.
    NULL_ORDERING = "nulls_are_last"

    class Tokenizer(tokens.Tokenizer):
        """Double quotes name things; comments as in Dremio's reference."""

        IDENTIFIERS: ClassVar[Any] = ['"']
        COMMENTS: ClassVar[Any] = ["--", "//", ("/*", "*/")]

    class Parser(parser.Parser):
        """Reads calls as names with arguments."""

        FUNCTIONS: ClassVar[Any] = {}
        FUNCTION_PARSERS: ClassVar[Any] = {
            name: parser.Parser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[Any] = {
            name: build
            for name, build in parser.Parser.NO_PAREN_FUNCTION_PARSERS.items()
            if name != "IF"
        }

        def _parse_version(self) -> Any:
            for kind in _TIME_TRAVEL:
                if self._match_text_seq("AT", kind):
                    reference = self._parse_string() or self._parse_id_var()
                    return exp.Version(this=kind, kind="AT", expression=reference)
            return super()._parse_version()

    class Generator(generator.Generator):
        """Prints the few nodes whose generic spelling Dremio does not take."""

        TYPE_MAPPING: ClassVar[Any] = {
            **generator.Generator.TYPE_MAPPING,
            exp.DataType.Type.TEXT: "VARCHAR",
        }
        TRANSFORMS: ClassVar[Any] = {
            **generator.Generator.TRANSFORMS,
            exp.CurrentTimestamp: lambda *_: "CURRENT_TIMESTAMP",
            exp.Trim: lambda self, e: self.trimmed(e),
            exp.StrPosition: lambda self, e: (
                f"POSITION({self.sql(e, 'substr')} IN {self.sql(e, 'this')})"
            ),
        }

        def trimmed(self, expression: exp.Trim) -> str:
            """Return `TRIM(x)` or `TRIM(BOTH 'c' FROM x)`."""
            text, characters = self.sql(expression, "this"), self.sql(expression, "expression")
            side = expression.text("position").upper()
            if not side and not characters:
                return f"TRIM({text})"
            return f"TRIM({' '.join(filter(None, (side or 'BOTH', characters)))} FROM {text})"

        def version_sql(self, expression: exp.Version) -> str:
            """Return `AT SNAPSHOT '…'` and its kin; anything else as sqlglot prints it."""
            if expression.text("kind") == "AT":
                return f"AT {expression.name} {self.sql(expression, 'expression')}"
            return super().version_sql(expression)
