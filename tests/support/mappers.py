"""Mappers as a connection's catalog has them."""

from __future__ import annotations

import hashlib
from typing import Any

Json = dict[str, Any]


def hashing(field: str, method: str = "SHA-256", suffix: str = "_hashed") -> Json:
    config = {"targetField": field, "method": method, "fieldNameSuffix": suffix}
    return {"type": "hashing", "mapperConfiguration": config}


def renaming(old: str, new: str) -> Json:
    config = {"originalFieldName": old, "newFieldName": new}
    return {"type": "field-renaming", "mapperConfiguration": config}


def dropping(field: str) -> Json:
    return {"type": "field-filtering", "mapperConfiguration": {"targetField": field}}


def equal(field: str, value: str) -> Json:
    return {"type": "EQUAL", "fieldName": field, "comparisonValue": value}


def none_of(*conditions: Json) -> Json:
    return {"type": "NOT", "conditions": list(conditions)}


def row_filter(condition: Json) -> Json:
    return {"type": "row-filtering", "mapperConfiguration": {"conditions": condition}}


def sha(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
