"""Log-in and log-out, as Dremio's own pages and clients do them."""

from __future__ import annotations

from services.dremio.handlers.present import Json
from services.dremio.state.core import Core
from services.dremio.state.errors import DremioError, ErrorKind, validation


def login(core: Core, body: Json) -> Json:
    """Return a session. Raises DremioError (UNAUTHENTICATED, VALIDATION)."""
    name, password = body.get("userName"), body.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise validation("userName and password: expected strings")
    token = core.users.login(name, password)
    user = core.users.verify(token)
    actor = core.access.actor(user)
    body, _ = core.users.details(user)
    return {
        "token": token,
        "userName": user.name,
        "firstName": body.get("firstName", ""),
        "lastName": body.get("lastName", ""),
        "expires": int(core.users.expiry(token) * 1000),
        "email": body.get("email", ""),
        "userId": user.id,
        "admin": actor.admin,
        "clusterId": "lakelet",
        "version": core.version,
        "permissions": {
            "canUploadProfiles": False,
            "canDownloadProfiles": False,
            "canEmailForSupport": False,
            "canChatForSupport": False,
            "canViewAllJobs": actor.may("VIEW_JOB_HISTORY", ()),
            "canCreateUser": actor.may("CREATE_USER", ()),
            "canCreateRole": actor.may("CREATE_ROLE", ()),
            "canCreateSource": actor.may("CREATE_SOURCE", ()),
            "canUploadFile": False,
        },
    }


def token_of(header: str | None) -> str:
    """Return the token of an Authorization header: `_dremio<token>`, `Bearer <token>` or bare.

    Raises DremioError (UNAUTHENTICATED) when there is none.
    """
    text = (header or "").strip()
    if text.startswith("_dremio"):
        return text[len("_dremio") :]
    kind, _, rest = text.partition(" ")
    if kind.lower() == "bearer" and rest:
        return rest.strip()
    if text and not rest:
        return text
    raise DremioError(ErrorKind.UNAUTHENTICATED, "HTTP 401 Unauthorized: no token was sent")
