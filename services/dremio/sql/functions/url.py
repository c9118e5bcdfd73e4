"""Parts of addresses, as java.net.URL names them."""

from __future__ import annotations

from services.dremio.sql.functions.registry import Family

_PARTS = {
    "PROTOCOL": "regexp_extract(a, '^([A-Za-z][A-Za-z0-9+.-]*):', 1)",
    "AUTHORITY": "regexp_extract(a, '^[^:/?#]+://([^/?#]*)', 1)",
    "USERINFO": "regexp_extract(a, '^[^:/?#]+://([^/?#@]*)@', 1)",
    "HOST": "regexp_extract(a, '^[^:/?#]+://(?:[^/?#@]*@)?([^/?#:]*)', 1)",
    "PATH": "regexp_extract(a, '^[^:/?#]+://[^/?#]*([^?#]*)', 1)",
    "FILE": "regexp_extract(a, '^[^:/?#]+://[^/?#]*([^#]*)', 1)",
    "QUERY": "regexp_extract(a, '^[^?#]*\\?([^#]*)', 1)",
    "REF": "regexp_extract(a, '#(.*)$', 1)",
}

# An address without them has empty ones; of the other parts it has none.
_EMPTY = ("PATH", "FILE")


def _answer(name: str, body: str) -> str:
    missing = "NOT regexp_matches(a, '^[^:/?#]+://')" if name in _EMPTY else f"{body} = ''"
    return f"CASE WHEN {missing} THEN NULL ELSE {body} END"


FAMILY = Family(
    title="URL",
    macros={
        "PARSE_URL": (
            "(a, b) AS CASE upper(b) "
            + " ".join(f"WHEN '{name}' THEN {_answer(name, body)}" for name, body in _PARTS.items())
            + " END",
            "(a, b, c) AS CASE WHEN upper(b) = 'QUERY' THEN nullif(regexp_extract("
            f"'&' || {_PARTS['QUERY']}, '&' || regexp_escape(c) || '=([^&]*)', 1), '') END",
        ),
    },
)
