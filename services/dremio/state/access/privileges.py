"""Dremio's privileges: which there are on which kind of object.

Source: Dremio's documentation, "GRANT/REVOKE" and "Privileges" (26.x). A privilege on an object
holds for everything inside it too, except OWNERSHIP, which is the object's alone.
"""

from __future__ import annotations

OWNERSHIP = "OWNERSHIP"
ALL = "ALL"
# What ALL never stands for.
NOT_IN_ALL = frozenset({OWNERSHIP, "MANAGE_GRANTS"})

_ROWS = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"}
_CONTAINER = _ROWS | {
    "ALTER",
    "ALTER_REFLECTION",
    "VIEW_REFLECTION",
    "MANAGE_GRANTS",
    "READ_METADATA",
    "OWNERSHIP",
    "EXECUTE",
    "DROP",
    "CREATE_TABLE",
}

BY_KIND: dict[str, frozenset[str]] = {
    "SYSTEM": frozenset(
        (_CONTAINER - {OWNERSHIP})
        | {
            "CONFIGURE_SECURITY",
            "CREATE_ROLE",
            "CREATE_SOURCE",
            "CREATE_USER",
            "EXPORT_DIAGNOSTICS",
            "EXTERNAL_QUERY",
            "MODIFY",
            "UPLOAD_FILE",
            "VIEW_JOB_HISTORY",
        }
    ),
    "SOURCE": frozenset(_CONTAINER | {"EXTERNAL_QUERY", "MODIFY"}),
    "SPACE": frozenset(_CONTAINER | {"MODIFY"} - {"CREATE_TABLE"}),
    "FOLDER": frozenset(_CONTAINER),
    "TABLE": frozenset(
        _ROWS
        | {
            "ALTER",
            "ALTER_REFLECTION",
            "VIEW_REFLECTION",
            "DROP",
            "MANAGE_GRANTS",
            "READ_METADATA",
            "OWNERSHIP",
        }
    ),
    "VIEW": frozenset(
        {
            "SELECT",
            "ALTER",
            "ALTER_REFLECTION",
            "VIEW_REFLECTION",
            "DROP",
            "MANAGE_GRANTS",
            "READ_METADATA",
            "OWNERSHIP",
        }
    ),
    "FUNCTION": frozenset({"ALTER", "EXECUTE", "MANAGE_GRANTS", "MODIFY", "DROP", "OWNERSHIP"}),
}

# How sys.privileges and the REST API call a kind of object.
SHOWN = {"TABLE": "PDS", "VIEW": "VDS"}


def expanded(privileges: tuple[str, ...], kind: str) -> list[str]:
    """Return the privileges meant, ALL taken apart. Raises ValueError naming one that is none."""
    known = BY_KIND[kind]
    if privileges == (ALL,):
        return sorted(known - NOT_IN_ALL)
    for privilege in privileges:
        if privilege not in known:
            raise ValueError(privilege)
    return list(dict.fromkeys(privileges))
