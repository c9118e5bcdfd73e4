"""The few Painless statements that updates are made of; anything else is refused.

`ctx._source.a.b = v`, `+= v`, `-= v`, `++`, `--`, `ctx._source.remove('a')`, `ctx.op = 'delete'`;
a value is a literal or `params.name`.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from services.elasticsearch.errors import RequestError, not_supported

_PATH = r"ctx\._source((?:\.\w+|\[['\"][^'\"]+['\"]\])+)"
_ASSIGN = re.compile(rf"{_PATH}\s*(=|\+=|-=)\s*(.+)", re.DOTALL)
_STEP = re.compile(rf"{_PATH}(\+\+|--)")
_REMOVE = re.compile(r"ctx\._source\.remove\(['\"]([^'\"]+)['\"]\)")
_OP = re.compile(r"ctx\.op\s*=\s*['\"](none|noop|delete|index)['\"]")
_PART = re.compile(r"\.(\w+)|\[['\"]([^'\"]+)['\"]\]")
_STATEMENT = re.compile(r"""((?:'[^']*'|"[^"]*"|[^;'"])+)""")
_LITERALS = {"true": True, "false": False, "null": None}


def run_script(script: Any, source: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (what to do: index, none or delete; the changed source).

    Raises RequestError for a script in another language or with any other statement.
    """
    if isinstance(script, str):
        script = {"source": script}
    text = script.get("source")
    if not isinstance(text, str) or script.get("lang", "painless") != "painless":
        raise not_supported("a stored script, or one that is not Painless,")
    parameters = script.get("params", {})
    changed, operation = copy.deepcopy(source), "index"
    for found in _STATEMENT.finditer(text):
        statement = found[1].strip()
        if not statement:
            continue
        if match := _OP.fullmatch(statement):
            operation = "none" if match[1] in ("none", "noop") else match[1]
        elif match := _REMOVE.fullmatch(statement):
            changed.pop(match[1], None)
        elif match := _STEP.fullmatch(statement):
            _apply(changed, match[1], "+=" if match[2] == "++" else "-=", 1)
        elif match := _ASSIGN.fullmatch(statement):
            _apply(changed, match[1], match[2], _value(match[3].strip(), parameters))
        else:
            raise not_supported(f"the script statement [{statement}]")
    return operation, changed


def _value(text: str, parameters: dict[str, Any]) -> Any:
    if text in _LITERALS:
        return _LITERALS[text]
    if re.fullmatch(r"-?\d+[lL]?", text):
        return int(text.rstrip("lL"))
    if re.fullmatch(r"-?\d*\.\d+[dDfF]?", text):
        return float(text.rstrip("dDfF"))
    if match := re.fullmatch(r"'([^']*)'|\"([^\"]*)\"", text):
        return match[1] if match[1] is not None else match[2]
    if (match := re.fullmatch(r"params\.(\w+)|params\[['\"](\w+)['\"]\]", text)) and (
        name := match[1] or match[2]
    ) in parameters:
        return parameters[name]
    raise not_supported(f"the script expression [{text}]")


def _apply(source: dict[str, Any], path: str, operator: str, value: Any) -> None:
    names = [a or b for a, b in _PART.findall(path)]
    inner: Any = source
    for name in names[:-1]:
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        raise RequestError(400, "illegal_argument_exception", "failed to execute script")
    if operator == "=":
        inner[names[-1]] = value
        return
    try:
        old = inner[names[-1]]
        inner[names[-1]] = old + value if operator == "+=" else old - value
    except (KeyError, TypeError) as error:
        raise RequestError(400, "illegal_argument_exception", "failed to execute script") from error
