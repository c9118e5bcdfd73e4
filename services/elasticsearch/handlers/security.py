"""`_security`: who asks, and API keys."""

from __future__ import annotations

from services.elasticsearch.errors import missing_resource, not_supported
from services.elasticsearch.handlers.call import Answer, Call


def authenticate(call: Call) -> Answer:
    """`GET /_security/_authenticate`."""
    realm = {"name": call.user["realm"], "type": call.user["realm"]}
    body = {
        "username": call.user["username"],
        "roles": ["superuser"],
        "full_name": None,
        "email": None,
        "metadata": {},
        "enabled": True,
        "authentication_realm": realm,
        "lookup_realm": realm,
        "authentication_type": call.user["type"],
    }
    if "key" in call.user:
        body["api_key"] = {"id": call.user["key"]}
    return Answer(body)


def create_key(call: Call) -> Answer:
    """`POST|PUT /_security/api_key`."""
    return Answer(call.store.keys.create(call.json(required=True)))


def get_keys(call: Call) -> Answer:
    """`GET /_security/api_key`."""
    wanted = call.params.get("id")
    found = call.store.keys.shown(wanted, call.params.get("name"))
    if wanted and not found:
        raise missing_resource(f"No API key found with id [{wanted}]")
    return Answer({"api_keys": found})


def query_keys(call: Call) -> Answer:
    """`GET|POST /_security/_query/api_key`, for the queries that name keys."""
    query = call.json().get("query") or {"match_all": {}}
    [(kind, body)] = query.items()
    found = call.store.keys.shown(None, None)
    if kind == "ids":
        found = [key for key in found if key["id"] in body.get("values", [])]
    elif kind == "term":
        [(field, wanted)] = body.items()
        value = wanted.get("value") if isinstance(wanted, dict) else wanted
        found = [key for key in found if key.get(field) == value]
    elif kind != "match_all":
        raise not_supported(f"[{kind}] among API keys (there are ids, term and match_all)")
    return Answer({"total": len(found), "count": len(found), "api_keys": found})


def invalidate_keys(call: Call) -> Answer:
    """`DELETE /_security/api_key`."""
    body = call.json(required=True)
    wanted = body.get("ids") or ([body["id"]] if "id" in body else None)
    if wanted is None:
        wanted = [k["id"] for k in call.store.keys.shown(None, body.get("name"))]
    done = call.store.keys.invalidate(wanted)
    return Answer(
        {
            "invalidated_api_keys": done,
            "previously_invalidated_api_keys": [
                i for i in wanted if i not in done and call.store.keys.shown(i, None)
            ],
            "error_count": 0,
        }
    )
