"""`python -m services.storage`: become SeaweedFS."""

from __future__ import annotations

import os

from services.common.settings import settings
from services.storage.server import server_command, server_environment


def main() -> None:
    """Replace this process by `weed`, so that the supervisor's signals reach it."""
    command = server_command(settings())
    os.execve(command[0], command, {**os.environ, **server_environment(settings())})  # noqa: S606


if __name__ == "__main__":
    main()
