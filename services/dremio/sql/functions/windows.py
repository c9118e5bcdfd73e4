"""Window functions; the aggregates may be used with OVER as well."""

from __future__ import annotations

from services.dremio.sql.functions.registry import Family

FAMILY = Family(
    title="Window",
    native={
        name: name
        for name in (
            "CUME_DIST",
            "DENSE_RANK",
            "FIRST_VALUE",
            "LAG",
            "LAST_VALUE",
            "LEAD",
            "NTH_VALUE",
            "NTILE",
            "PERCENT_RANK",
            "RANK",
            "ROW_NUMBER",
        )
    },
)
