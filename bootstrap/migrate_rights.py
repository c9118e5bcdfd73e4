"""Who may do what in Dremio: policies on rows and columns, grants, owners; read as SQL.

Policies come first: where one is refused nobody is given anything, for they would see more than
before. Then grants, and last the owners, with whose rights views and functions read.

Facts: docs.dremio.com, `sys.privileges` (tables are called PDS, views VDS; privileges are written
with underscores, in GRANT with spaces), GRANT TO USER, GRANT TO ROLE, GRANT OWNERSHIP, row access
and column masking policies; Catalog API, `owner`. `sys.policies` is our own engine's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.clients.dremio import Dremio
from bootstrap.migrate_functions import dotted
from bootstrap.migrate_views import Definitions
from services.common.errors import LakeletError

_KINDS = {"PDS": "TABLE", "VDS": "VIEW"}
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


@dataclass(frozen=True)
class Rights:
    """The statements that make them anew."""

    policies: tuple[str, ...]
    grants: tuple[str, ...]
    owners: tuple[str, ...]


def read_rights(dremio: Dremio, definitions: Definitions, admin: str) -> Rights:
    """Return what there is; `admin` owns what is made anew and so needs no word."""
    views = {view.path for view in definitions.views}
    policies = [_policy(row, views) for row in dremio.sql("SELECT * FROM sys.policies")]
    given: dict[tuple[str, str], list[str]] = {}
    for row in dremio.sql("SELECT * FROM sys.privileges ORDER BY object_id, privilege"):
        kind = _KINDS.get(row["object_type"], row["object_type"])
        place = kind if kind == "SYSTEM" else f"{kind} {dotted(parts(row['object_id']))}"
        to = f"{row['grantee_type'].upper()} {dotted([row['grantee_id']])}"
        given.setdefault((place, to), []).append(row["privilege"].replace("_", " "))
    grants = [f"GRANT {', '.join(of)} ON {place} TO {to}" for (place, to), of in given.items()]
    return Rights(tuple(policies), tuple(grants), tuple(_owners(dremio, definitions, admin)))


def write_rights(dremio: Dremio, rights: Rights) -> tuple[str, dict[str, str]]:
    """Make them; return what was made in a few words, and what was not and why."""
    made, left = _run(dremio, rights.policies, "")
    done = [f"{made} policies"]
    if left:
        left = {f"{name}: NOT PROTECTED": why for name, why in left.items()}
        count = len(rights.grants) + len(rights.owners)
        left[f"all {count} grants and owners"] = "not given while those policies are missing"
        return ", ".join(done), left
    for name, statements in (("grants", rights.grants), ("owners", rights.owners)):
        made, refused = _run(dremio, statements, f"all {len(statements)} {name}")
        done.append(f"{made} {name}")
        left |= refused
    return ", ".join(done), left


def parts(text: str) -> tuple[str, ...]:
    """Return the names in a path, in which names are quoted where they must be."""
    found = _PART.findall(text)
    return tuple(plain or quoted.replace('""', '"') for quoted, plain in found)


def _policy(row: dict[str, Any], views: set[tuple[str, ...]]) -> str:
    path, function = parts(row["dataset"]), parts(row["function_name"])
    call = f"{dotted(function)}({row['arguments']})"
    how = f"ALTER {'VIEW' if path in views else 'TABLE'} {dotted(path)}"
    if row["column_name"] is None:
        return f"{how} ADD ROW ACCESS POLICY {call}"
    return f"{how} MODIFY COLUMN {dotted([row['column_name']])} SET MASKING POLICY {call}"


def _owners(dremio: Dremio, definitions: Definitions, admin: str) -> list[str]:
    names = {
        each["id"]: f"{kind} {dotted([each['name']])}"
        for kind in ("USER", "ROLE")
        for each in dremio.call("GET", f"/api/v3/{kind.lower()}")["data"]
        if each["name"].lower() != admin.lower()
    }
    things = [
        *(("SPACE", (name,)) for name in definitions.spaces),
        *(("FOLDER", path) for path in definitions.folders),
        *(("FUNCTION", function.path) for function in definitions.functions),
        *(("VIEW", view.path) for view in definitions.views),
    ]
    statements = []
    for kind, path in things:
        owner = (dremio.by_path(*path) or {}).get("owner", {}).get("ownerId")
        if owner in names:
            statements.append(f"GRANT OWNERSHIP ON {kind} {dotted(path)} TO {names[owner]}")
    return statements


def _run(dremio: Dremio, statements: Sequence[str], together: str) -> tuple[int, dict[str, str]]:
    """Run statements; return how many were taken, and the others' errors.

    Where none was taken that is told once, as `together`: such a Dremio has nothing of the kind.
    """
    left: dict[str, str] = {}
    for statement in statements:
        try:
            dremio.sql(statement)
        except LakeletError as error:
            left[statement] = str(error).removesuffix(f" in: {statement}")
    made = len(statements) - len(left)
    if together and left and not made:
        words = next(iter(left.values()))
        left = {together: f"this Dremio takes none of them (the free edition has none): {words}"}
    return made, left
