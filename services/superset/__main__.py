"""`python -m services.superset`: become gunicorn with Superset inside."""

from __future__ import annotations

import os

from services.common.settings import settings
from services.superset.environment import superset_command, superset_environment


def main() -> None:
    """Replace this process by gunicorn, so that the supervisor's signals reach it.

    Raises ConfigError when Superset's environment is not installed.
    """
    command = superset_command()
    os.execve(command[0], command, superset_environment(settings(), dict(os.environ)))  # noqa: S606


if __name__ == "__main__":
    main()
