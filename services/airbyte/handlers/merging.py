"""A stored configuration with some of its fields changed.

As Airbyte's `partial_update` (and PATCH) has it, objects are merged field by field. Where a part
takes another of its forms (`replication_method` from Standard to CDC), the old form's fields go.
"""

from __future__ import annotations

from services.airbyte.handlers.validation import constants
from services.airbyte.state.records import Json
from services.airbyte.state.secrets import is_sealed, properties_of


def merged(stored: Json, changes: Json, schema: Json) -> Json:
    """Return `stored` (secrets sealed) with `changes`; `schema` is the connector's of this part."""
    if _takes_another_form(stored, changes, schema):
        return changes
    known, result = properties_of(changes, schema), dict(stored)
    for name, value in changes.items():
        old = stored.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and not is_sealed(old):
            value = merged(old, value, known.get(name, {}))
        result[name] = value
    return result


def _takes_another_form(stored: Json, changes: Json, schema: Json) -> bool:
    return any(
        name in changes and name in stored and changes[name] != stored[name]
        for form in schema.get("oneOf") or ()
        for name in constants(form)
    )
