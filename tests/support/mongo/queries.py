"""Conditions, updates and the stages of pipelines, as far as the tests use them."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import Any

import bson
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp

from tests.support.mongo.store import ServerError

Json = dict[str, Any]

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"), (Int64, "long"), (int, "int"), (float, "double"), (bson.Code, "javascript"),
    (str, "string"), (ObjectId, "objectId"), (datetime.datetime, "date"), (DatetimeMS, "date"),
    (Binary, "binData"), (bytes, "binData"), (list, "array"), (Decimal128, "decimal"),
    (Timestamp, "timestamp"), (Regex, "regex"), (dict, "object"), (type(None), "null"),
)  # fmt: skip
# The order in which values of different types sort.
_RANKS = {"int": 1, "long": 1, "double": 1, "string": 2, "object": 3, "binData": 5, "objectId": 7}


def type_name(value: Any) -> str:
    """Return `$type`."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "missing")


def sort_key(value: Any) -> tuple[int, Any]:
    """Return what values of any type sort by."""
    kind = type_name(value)
    rank = _RANKS.get(kind, 9)
    return rank, bson.encode({"": value}) if rank in (3, 9) else value


def get(document: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(document, dict) or part not in document:
            return None
        document = document[part]
    return document


def matches(document: Json, condition: Json) -> bool:
    """Whether a document meets a condition."""
    for name, wanted in condition.items():
        if name == "$or":
            if not any(matches(document, one) for one in wanted):
                return False
            continue
        value = get(document, name)
        operators = isinstance(wanted, dict) and any(k.startswith("$") for k in wanted)
        if not (_compare(value, wanted) if operators else value == wanted):
            return False
    return True


def _compare(value: Any, operators: Json) -> bool:
    for operator, operand in operators.items():
        if operator == "$in":
            held = value in operand
        elif operator == "$mod":
            held = isinstance(value, int) and value % operand[0] == operand[1]
        else:
            same = value is not None and sort_key(value)[0] == sort_key(operand)[0]
            order = {"$gt": "__gt__", "$gte": "__ge__", "$lt": "__lt__", "$lte": "__le__"}
            if operator not in order:
                raise ServerError(2, "BadValue", f"unknown operator: {operator}")
            held = same and bool(getattr(value, order[operator])(operand))
        if not held:
            return False
    return True


def updated(document: Json, change: Json) -> Json:
    """Return the document after an update (or a replacement)."""
    if not any(name.startswith("$") for name in change):
        return {"_id": document["_id"], **change}
    result: Json = bson.decode(bson.encode(document), _options())
    for operator, fields in change.items():
        for path, value in fields.items():
            *parents, last = path.split(".")
            place = result
            for parent in parents:
                place = place.setdefault(parent, {})
            if operator == "$set":
                place[last] = value
            elif operator == "$unset":
                place.pop(last, None)
            elif operator == "$inc":
                place[last] = place.get(last, 0) + value
            else:
                raise ServerError(9, "FailedToParse", f"Unknown modifier: {operator}")
    return result


def _options() -> Any:
    from tests.support.mongo.wire import OPTIONS

    return OPTIONS


def aggregate(documents: list[Json], pipeline: list[Json]) -> list[Json]:
    """Send documents through the stages."""
    for stage in pipeline:
        ((name, what),) = stage.items()
        if name == "$match":
            documents = [one for one in documents if matches(one, what)]
        elif name == "$sample":
            documents = random.sample(documents, min(what["size"], len(documents)))
        elif name == "$project":
            documents = [project(one, what) for one in documents]
        elif name == "$unwind":
            field = what[1:]
            documents = [{**one, field: value} for one in documents for value in one[field]]
        elif name == "$group":
            documents = _group(documents, what)
        else:
            raise ServerError(40324, "Location40324", f"Unrecognized pipeline stage name: {name}")
    return documents


def project(document: Json, what: Json) -> Json:
    """Leave fields out, keep some, or compute some."""
    if all(value == 0 for value in what.values()):
        return {name: value for name, value in document.items() if name not in what}
    result: Json = {}
    if what.get("_id", 1):
        result["_id"] = document["_id"]
    for name, value in what.items():
        if value == 1 and name in document:
            result[name] = document[name]
        elif isinstance(value, dict):
            result[name] = _evaluate(document, value)
    return result


def _evaluate(document: Json, expression: Any) -> Any:
    if isinstance(expression, str) and expression.startswith("$"):
        return document if expression == "$$ROOT" else get(document, expression[1:])
    if isinstance(expression, dict):
        ((operator, operand),) = expression.items()
        value = _evaluate(document, operand)
        if operator == "$objectToArray":
            return [{"k": name, "v": inner} for name, inner in value.items()]
        if operator == "$type":
            return type_name(value)
        raise ServerError(168, "InvalidPipelineOperator", f"Unrecognized expression {operator}")
    return expression


def _group(documents: list[Json], what: Json) -> list[Json]:
    groups: dict[Any, Json] = {}
    for document in documents:
        identity = _evaluate(document, what["_id"])
        group = groups.setdefault(identity, {"_id": identity})
        for name, rule in what.items():
            if name == "_id":
                continue
            ((operator, operand),) = rule.items()
            value = _evaluate(document, operand)
            if operator == "$addToSet":
                values = group.setdefault(name, [])
                if value not in values:
                    values.append(value)
            elif operator == "$sum":
                amount = value.to_decimal() if isinstance(value, Decimal128) else value
                group[name] = group.get(name, 0) + amount
    for group in groups.values():
        for name, value in group.items():
            if isinstance(value, Decimal):
                group[name] = Decimal128(value)
    return list(groups.values())
