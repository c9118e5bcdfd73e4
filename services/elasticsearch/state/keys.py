"""Who may in: the user `elastic` and API keys (only their hashes are kept)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

from services.elasticsearch.errors import RequestError, invalid_request
from services.elasticsearch.state.catalog import Catalog
from services.elasticsearch.state.dates import now_millis
from services.elasticsearch.state.durations import seconds
from services.elasticsearch.state.rights import rights_of

USER = "elastic"


def _denied(reason: str) -> RequestError:
    return RequestError(401, "security_exception", reason)


class Keys:
    """Checks credentials; makes, shows and invalidates API keys."""

    def __init__(self, catalog: Catalog, password: str) -> None:
        self._catalog, self._password = catalog, password

    def check(self, authorization: str | None) -> dict[str, Any]:
        """Return who an `Authorization` header is: user name and kind of realm.

        Raises security_exception (401).
        """
        kind, _, value = (authorization or "").partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
        name, _, secret = text.partition(":")
        if kind.lower() == "basic":
            same = hmac.compare_digest(secret.encode(), self._password.encode())
            if name == USER and same:
                return {"username": USER, "realm": "reserved", "type": "realm"}
            raise _denied(f"unable to authenticate user [{name}] for REST request")
        if kind.lower() == "apikey":
            key = self._catalog.thing("api_key", name)
            if key and self._valid(key) and hmac.compare_digest(key["hash"], _hash(secret)):
                return {
                    "username": USER,
                    "realm": "_es_api_key",
                    "type": "api_key",
                    "key": name,
                    "rights": rights_of(key.get("role_descriptors")),
                }
            raise _denied(
                "unable to authenticate with provided credentials and anonymous access is not "
                "allowed for this request"
            )
        raise _denied("missing authentication credentials for REST request")

    @staticmethod
    def _valid(key: dict[str, Any]) -> bool:
        expires = key.get("expiration")
        return not key["invalidated"] and (expires is None or expires > now_millis())

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Make a key: with all rights, or those of its role descriptors. Raises for wrong ones."""
        if not body.get("name"):
            raise invalid_request("api key name is required")
        descriptors = body.get("role_descriptors") or {}
        rights_of(descriptors)
        identifier, secret = secrets.token_urlsafe(15), secrets.token_urlsafe(16)
        key = {
            "name": body["name"],
            "hash": _hash(secret),
            "creation": now_millis(),
            "expiration": None,
            "invalidated": False,
            "metadata": body.get("metadata", {}),
            "role_descriptors": descriptors,
        }
        made = {"id": identifier, "name": body["name"], "api_key": secret}
        if body.get("expiration"):
            key["expiration"] = now_millis() + int(seconds(body["expiration"]) * 1000)
            made["expiration"] = key["expiration"]
        self._catalog.save_thing("api_key", identifier, key)
        made["encoded"] = base64.b64encode(f"{identifier}:{secret}".encode()).decode()
        return made

    def shown(self, identifier: str | None, name: str | None) -> list[dict[str, Any]]:
        """Return the keys as the API shows them."""
        return [
            {
                "id": key_id,
                "name": key["name"],
                "type": "rest",
                "creation": key["creation"],
                **({"expiration": key["expiration"]} if key["expiration"] else {}),
                "invalidated": key["invalidated"],
                "username": USER,
                "realm": "reserved",
                "metadata": key["metadata"],
                "role_descriptors": key.get("role_descriptors", {}),
            }
            for key_id, key in self._catalog.all("api_key").items()
            if identifier in (None, key_id) and name in (None, "*", key["name"])
        ]

    def invalidate(self, identifiers: list[str]) -> list[str]:
        """Invalidate keys; return the ids of those that were valid."""
        done = []
        for identifier in identifiers:
            key = self._catalog.thing("api_key", identifier)
            if key and not key["invalidated"]:
                self._catalog.save_thing("api_key", identifier, {**key, "invalidated": True})
                done.append(identifier)
        return done


def _hash(secret: str) -> str:
    # The secret has 128 random bits: a fast hash keeps it as safe as a slow one would.
    return hashlib.sha256(secret.encode()).hexdigest()
