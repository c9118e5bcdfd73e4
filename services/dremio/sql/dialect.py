"""sqlglot's Dremio dialect, with nothing swallowed as an opaque command."""

from __future__ import annotations

from typing import ClassVar

from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import TokenType

from services.dremio.sql.functions.dialect import DremioSql

_SWALLOWING = (TokenType.COMMAND, TokenType.EXECUTE, TokenType.SHOW)


class LakeletDremio(DremioSql):
    """Dremio, tokenised to the end: `SHOW` and `EXPLAIN` are read by our own parser."""

    class Tokenizer(DremioSql.Tokenizer):
        """Keywords that would make the rest of the statement one string are plain words."""

        COMMANDS: ClassVar[set[TokenType]] = set()
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: kind
            for word, kind in DremioSql.Tokenizer.KEYWORDS.items()
            if kind not in _SWALLOWING
        } | {
            # As INFORMATION_SCHEMA spells types; dbt sends them back in casts.
            "CHARACTER VARYING": TokenType.VARCHAR,
            "BINARY VARYING": TokenType.VARBINARY,
        }


DREMIO = Dialect.get_or_raise(LakeletDremio)
