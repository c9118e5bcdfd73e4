"""GRANT, REVOKE, and CREATE, ALTER, DROP of users and roles.

Syntax: Dremio's SQL reference, "GRANT/REVOKE", "Users" and "Roles".
"""

from __future__ import annotations

from services.dremio.sql.access.statements import (
    AlterUser,
    CreateRole,
    CreateUser,
    DropRole,
    DropUser,
    Grant,
    Grantee,
    GrantRole,
)
from services.dremio.sql.statements import Statement
from services.dremio.sql.tokens import Reader
from services.dremio.state.access.privileges import ALL, BY_KIND

_KINDS = {
    "SYSTEM": "SYSTEM",
    "PROJECT": "SYSTEM",
    "SOURCE": "SOURCE",
    "SPACE": "SPACE",
    "FOLDER": "FOLDER",
    "SCHEMA": "FOLDER",
    "TABLE": "TABLE",
    "PDS": "TABLE",
    "DATASET": "TABLE",
    "VIEW": "VIEW",
    "VDS": "VIEW",
    "FUNCTION": "FUNCTION",
}
_PRIVILEGES = frozenset({ALL}.union(*BY_KIND.values()))
_INSIDE = ("FOLDER", "SCHEMA", "SOURCE", "SPACE", "CATALOG")


def grant(reader: Reader) -> Statement:
    """Read what follows GRANT. Raises DremioError (PARSE)."""
    return _grant(reader, revoke=False)


def revoke(reader: Reader) -> Statement:
    """Read what follows REVOKE. Raises DremioError (PARSE)."""
    return _grant(reader, revoke=True)


def create_user(reader: Reader) -> Statement:
    """Read what follows CREATE USER. Raises DremioError (PARSE)."""
    return CreateUser(_last_name(reader))


def create_role(reader: Reader) -> Statement:
    """Read what follows CREATE ROLE. Raises DremioError (PARSE)."""
    return CreateRole(_last_name(reader))


def drop_user(reader: Reader) -> Statement:
    """Read what follows DROP USER. Raises DremioError (PARSE)."""
    return DropUser(_last_name(reader))


def drop_role(reader: Reader) -> Statement:
    """Read what follows DROP ROLE. Raises DremioError (PARSE)."""
    return DropRole(_last_name(reader))


def alter_user(reader: Reader) -> Statement:
    """Read what follows ALTER USER. Raises DremioError (PARSE)."""
    name = reader.identifier()
    if reader.accept("UNSET"):
        reader.expect("PASSWORD")
        password = None
    else:
        reader.expect("SET")
        reader.expect("PASSWORD")
        password = reader.string()
    reader.end()
    return AlterUser(name, password)


def _grant(reader: Reader, *, revoke: bool) -> Statement:
    if reader.accept("ROLE"):
        role = reader.identifier()
        return GrantRole(role, _grantee(reader, revoke), revoke)
    privileges = [_privilege(reader)]
    while reader.accept(","):
        privileges.append(_privilege(reader))
    reader.expect("ON")
    inside = reader.accept("ALL")
    if inside:
        if not (reader.accept("DATASETS") or reader.accept("FOLDERS")):
            raise reader.error("expected DATASETS")
        reader.expect("IN")
        kind = reader.accept_any(*_INSIDE)
        kind = "FOLDER" if kind == "SCHEMA" else "SOURCE" if kind == "CATALOG" else kind
    else:
        kind = _KINDS.get(reader.accept_any(*_KINDS), "")
    if not kind:
        raise reader.error("expected SYSTEM, SOURCE, SPACE, FOLDER, TABLE, VIEW or FUNCTION")
    path = () if kind == "SYSTEM" else reader.path()
    return Grant(tuple(privileges), kind, path, _grantee(reader, revoke), revoke, inside)


def _privilege(reader: Reader) -> str:
    """Read words up to the comma or ON: `ALTER REFLECTION`."""
    start = reader.at
    words: list[str] = []
    while reader.word() not in ("", ",", "ON"):
        words += reader.word().split()
        reader.at += 1
    if not words:
        raise reader.error("expected a privilege")
    name = "_".join(words)
    if name not in _PRIVILEGES:
        reader.at = start
        raise reader.error("there is no such privilege")
    return name


def _grantee(reader: Reader, revoke: bool) -> Grantee:
    reader.expect("FROM" if revoke else "TO")
    kind = reader.accept_any("USER", "ROLE")
    if not kind:
        raise reader.error("expected USER or ROLE")
    return Grantee(kind, _last_name(reader))


def _last_name(reader: Reader) -> str:
    name = reader.identifier()
    reader.end()
    return name
