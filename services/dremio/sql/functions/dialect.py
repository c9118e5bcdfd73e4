"""Dremio's SQL as sqlglot parses it here: every function call keeps its own name and arguments.

sqlglot's `dremio` dialect turns calls into its generic nodes, which loses argument order,
formats and names (`TO_CHAR`, `LOG`, `DATE_DIFF`). Here a call is an `Anonymous` node unless its
arguments have a syntax of their own (`CAST`, `EXTRACT`, `TRIM`, `POSITION`, …), so that the
translation decides by name alone and what is printed again is what was written.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dremio import Dremio
from sqlglot.parsers.dremio import DremioParser
from sqlglot.tokenizer_core import TokenType

DIALECT = "dremiosql"
"""The name to give sqlglot's `read=`."""

_SYNTAX_OF_THEIR_OWN = (
    "CAST",
    "CEIL",
    "CONVERT",
    "EXTRACT",
    "FLOOR",
    "OVERLAY",
    "POSITION",
    "SUBSTRING",
    "TRIM",
    "TRY_CAST",
)


def _convert_from(parser: Any, name: str) -> exp.Expr:
    """`CONVERT_FROM(value, 'type')` and `TRY_CONVERT_FROM(value AS type)`."""
    args: list[Any] = [parser._parse_assignment()]
    if parser._match(TokenType.ALIAS):
        args.append(parser._parse_types())
    while parser._match(TokenType.COMMA):
        args.append(parser._parse_assignment())
    return exp.Anonymous(this=name, expressions=args)


def _position(parser: Any) -> exp.Expr:
    """`POSITION(text IN text [FROM place])`; POSITION(text, text) too."""
    args: list[Any] = [parser._parse_bitwise()]
    if parser._match(TokenType.IN):
        args.append(parser._parse_bitwise())
        if parser._match(TokenType.FROM):
            args.append(parser._parse_bitwise())
    while parser._match(TokenType.COMMA):
        args.append(parser._parse_bitwise())
    return exp.Anonymous(this="POSITION", expressions=args)


class DremioSql(Dremio):
    """Dremio's dialect with calls kept verbatim."""

    # NULL is the highest value (org.apache.calcite.config.NullCollation.HIGH).
    NULL_ORDERING = "nulls_are_large"

    class Tokenizer(Dremio.Tokenizer):
        """`ROW(a INT)` is a type."""

        KEYWORDS: ClassVar = {**Dremio.Tokenizer.KEYWORDS, "ROW": TokenType.STRUCT}

    class Parser(DremioParser):
        """Builds `Anonymous` nodes for calls."""

        FUNCTIONS: ClassVar = {
            "ARRAY": lambda args: exp.Array(expressions=args),
        }
        FUNCTION_PARSERS: ClassVar = {
            **{name: DremioParser.FUNCTION_PARSERS[name] for name in _SYNTAX_OF_THEIR_OWN},
            "POSITION": _position,
            "CONVERT_FROM": lambda self: _convert_from(self, "CONVERT_FROM"),
            "TRY_CONVERT_FROM": lambda self: _convert_from(self, "TRY_CONVERT_FROM"),
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            name: parse
            for name, parse in DremioParser.NO_PAREN_FUNCTION_PARSERS.items()
            if name in ("ANY", "CASE")
        }
        NO_PAREN_FUNCTIONS: ClassVar = {}
