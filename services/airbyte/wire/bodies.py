"""What all request bodies are made of."""

from __future__ import annotations

import re
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from services.airbyte.handlers.errors import InvalidInputError

Json = dict[str, Any]

# The escape itself, not a backslash followed by the word.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def parse(body: bytes) -> Any:
    """Return a request's body, {} for an empty one. Raises InvalidInputError.

    PostgreSQL stores no U+0000, in texts or in JSON.
    """
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"Invalid json. {error}", [("body", str(error))]) from error
    if _NUL.search(body):
        raise InvalidInputError("Invalid json. A text may not hold U+0000", [("body", "U+0000")])
    return found


class Body(BaseModel):
    """A body in camel case; fields that the server does not know are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Stated(Body):
    """Part of a document that is kept as it came, fields included that are not named here."""

    model_config = ConfigDict(extra="allow")

    def as_stated(self) -> Json:
        """Return it as it came."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
