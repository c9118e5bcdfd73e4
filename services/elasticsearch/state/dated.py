"""Names with a date in them: `<logs-{now/d}>`, `<logs-{now/M{yyyy.MM|+02:00}}>` (date math)."""

from __future__ import annotations

import re
from datetime import UTC

from services.elasticsearch.errors import RequestError
from services.elasticsearch.state.dates import DateFormat, now_millis, resolve, zone

_PART = re.compile(r"\{(now[^{}]*)(?:\{([^{}|]+)(?:\|([^{}]+))?\})?\}")


def dated(name: str) -> str:
    """Return the name with its dates filled in; a name not in `< >` as it is.

    Raises illegal_argument_exception for date math that cannot be read.
    """
    if not (name.startswith("<") and name.endswith(">")):
        return name

    def fill(found: re.Match[str]) -> str:
        at = zone(found[3]) if found[3] else UTC
        millis = resolve(found[1], DateFormat(), at=at, now=now_millis())
        return DateFormat(found[2] or "yyyy.MM.dd").print(millis, at)

    try:
        made = _PART.sub(fill, name[1:-1])
    except ValueError as error:
        made, wrong = "{", str(error)
    else:
        wrong = "invalid dynamic name expression. missing closing `}` or no date math"
    if "{" in made or "}" in made:
        raise RequestError(400, "parse_exception", f"failed to parse index name [{name}]: {wrong}")
    return made
