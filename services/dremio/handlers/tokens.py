"""Personal access tokens over REST."""

from __future__ import annotations

import datetime

from services.dremio.handlers.present import Json, when
from services.dremio.handlers.users import found
from services.dremio.state.access.access import denied
from services.dremio.state.core import Core
from services.dremio.state.errors import validation
from services.dremio.state.session import User
from services.dremio.state.tokens import PersonalToken


def listing(core: Core, caller: User, user_id: str) -> Json:
    """List a user's tokens: one's own, or anyone's as an administrator."""
    _own_or_admin(core, caller, user_id)
    found(core, user_id)
    return {"data": [_shown(token) for token in core.users.tokens.of_user(user_id)]}


def create(core: Core, caller: User, user_id: str, body: Json) -> str:
    """Make a token for oneself and return it, as text. Raises DremioError."""
    if caller.id != user_id:
        raise denied("Tokens are created by the user they are for")
    label, lifetime = body.get("label"), body.get("millisecondsToExpire")
    if not isinstance(label, str) or not label.strip():
        raise validation("label: expected a non-empty string")
    if isinstance(lifetime, str) and lifetime.isdecimal() and len(lifetime) < 20:
        lifetime = int(lifetime)
    if not isinstance(lifetime, int) or isinstance(lifetime, bool):
        raise validation("millisecondsToExpire: expected a whole number")
    try:
        span = datetime.timedelta(milliseconds=lifetime)
    except OverflowError:
        raise validation("millisecondsToExpire: the number is too large") from None
    return core.users.tokens.create(user_id, label, span)


def delete(core: Core, caller: User, user_id: str, token_id: str | None = None) -> None:
    """End one token of a user (by id or name), or all. Raises DremioError."""
    named = core.users.find(user_id)
    user_id = named.id if named is not None else user_id
    _own_or_admin(core, caller, user_id)
    core.users.tokens.remove(user_id, token_id)


def _own_or_admin(core: Core, caller: User, user_id: str) -> None:
    if caller.id != user_id:
        core.access.require_admin(caller, "manage the tokens of others")


def _shown(token: PersonalToken) -> Json:
    return {
        "tid": token.id,
        "uid": token.user_id,
        "label": token.label,
        "createdAt": when(token.created_at),
        "expiresAt": when(token.expires_at),
    }
