"""The rows of sys.options: the system's, and those that the session has set."""

from __future__ import annotations

from typing import Any

from services.dremio.state.core import Core
from services.dremio.state.session import Session

_COLUMNS = {"LONG": "num_val", "STRING": "string_val", "BOOLEAN": "bool_val", "DOUBLE": "float_val"}
_READ = {"LONG": int, "STRING": str, "DOUBLE": float, "BOOLEAN": lambda text: text == "true"}


def rows(core: Core, session: Session) -> list[dict[str, Any]]:
    """Return an option for each row, by name."""
    options = core.options
    changed = options.changed
    found = [
        _row(name, option.kind, "SYSTEM", name in changed, options.value(name))
        for name, option in options.known.items()
    ]
    for name, value in session.options.items():
        option = options.known.get(name)
        found.append(_row(name, option.kind if option else "STRING", "SESSION", True, value))
    return sorted(found, key=lambda row: (row["name"], row["type"]))


def _row(name: str, kind: str, scope: str, changed: bool, value: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "type": scope,
        "status": "CHANGED" if changed else "DEFAULT",
        **dict.fromkeys(_COLUMNS.values()),
        _COLUMNS[kind]: _READ[kind](value),  # type: ignore[operator]
    }
