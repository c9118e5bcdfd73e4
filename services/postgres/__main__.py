"""`python -m services.postgres`: make the cluster if need be, then become the server."""

from __future__ import annotations

import os

from services.common import logs
from services.common.settings import settings
from services.postgres.cluster import ensure_cluster, server_command


def main() -> None:
    """Replace this process by `postgres`, so that the supervisor's signals reach it."""
    logs.configure("postgres", settings().log_level)
    ensure_cluster(settings())
    command = server_command(settings())
    os.chdir("/")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
