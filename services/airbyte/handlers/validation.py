"""A configuration against its connector's specification, said so that one knows what to change."""

from __future__ import annotations

from collections.abc import Iterator

import jsonschema  # type: ignore[import-untyped]

from services.airbyte.definitions.registry import Definition
from services.airbyte.handlers.errors import InvalidInputError
from services.airbyte.state.records import Json

Problem = tuple[str, str]


def validate(definition: Definition, configuration: Json) -> None:
    """Check a configuration (secrets in plain text) against the connector's specification.

    Raises InvalidInputError naming every field that does not fit.
    """
    schema = definition.spec["connectionSpecification"]
    validator = jsonschema.Draft7Validator(schema)
    found = sorted(validator.iter_errors(configuration), key=lambda e: list(map(str, e.path)))
    problems = [problem for error in found for problem in _problems(error)]
    if problems:
        listing = ", ".join(f"{path}: {text}" for path, text in problems)
        raise InvalidInputError(
            f"The provided configuration does not fulfill the specification of {definition.name}."
            f" Errors: {listing}",
            problems,
        )


def _problems(error: jsonschema.ValidationError) -> Iterator[Problem]:
    path = ".".join(["$", *map(str, error.absolute_path)])
    if not error.context:
        # Only a missing or superfluous field is named by its message without any value.
        named = error.validator in ("required", "additionalProperties")
        fits = f"does not fit {error.validator} {error.validator_value!r}"
        yield path, error.message if named else fits
        return
    fixed = [constants(form) for form in error.validator_value]
    # What every form has, such as `method`, tells them apart.
    shared = set.intersection(*map(set, fixed))
    names = [{key: found[key] for key in shared} for found in fixed]
    chosen = [number for number, name in enumerate(names) if _has(error.instance, name)]
    if shared and len(chosen) == 1:
        for inner in error.context:
            if inner.schema_path[0] == chosen[0]:
                yield from _problems(inner)
    elif shared:
        forms = (", ".join(f"{key} {value!r}" for key, value in name.items()) for name in names)
        yield path, f"it fits none of the allowed forms: {'; '.join(forms)}"
    else:
        yield path, "it fits none of the allowed forms"


def constants(form: Json) -> Json:
    """Return the fields of a form (of a oneOf) that have but one value, with it."""
    found = {}
    for name, schema in (form.get("properties") or {}).items():
        if "const" in schema:
            found[name] = schema["const"]
        elif len(schema.get("enum") or ()) == 1:
            found[name] = schema["enum"][0]
    return found


def _has(instance: object, wanted: Json) -> bool:
    return isinstance(instance, dict) and all(instance.get(k) == v for k, v in wanted.items())
