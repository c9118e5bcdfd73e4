"""`python -m services.supervisor.probe NAME`: exit 0 when that service is healthy.

What a container's healthcheck runs: it asks over the wire what the supervisor asks.
"""

from __future__ import annotations

import sys

from services.common.settings import settings
from services.supervisor.programs import program


def main(name: str) -> int:
    """Ask the service called `name`; say on standard error why it is not healthy."""
    try:
        return 0 if program(name).answers(settings()) else 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is not healthy
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
