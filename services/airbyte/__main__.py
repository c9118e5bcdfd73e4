"""`python -m services.airbyte`: serve Airbyte's APIs and run its jobs."""

from __future__ import annotations

from services.common import logs
from services.common.settings import settings


def main() -> None:
    """Run the server until it is told to stop."""
    from services.airbyte.server import Server

    logs.configure("airbyte", settings().log_level)
    Server(settings()).run()


if __name__ == "__main__":
    main()
