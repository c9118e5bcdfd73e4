"""What Superset's process gets from the settings: its command line and its environment.

Superset lives in an environment of its own (`.venv-superset`), which has neither pydantic nor
this platform's settings; everything it needs to know crosses over as environment variables,
read by `superset_config.py` and `gunicorn_conf.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

from services.common.errors import ConfigError
from services.common.settings import CHECKOUT, Settings

HERE = Path(__file__).parent
SUPERSET_BIN = CHECKOUT / ".venv-superset" / "bin"

# Not handed on: they belong to the platform's own Python.
_FOREIGN = frozenset({"PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "FLASK_APP", "FLASK_DEBUG"})


def superset_command(bin_folder: Path | None = None) -> list[str]:
    """Return the command that serves Superset under gunicorn.

    `bin_folder`: the scripts' folder of Superset's environment; LAKELET_SUPERSET_BIN or the
    checkout's `.venv-superset/bin` when not given. Raises ConfigError when it has no gunicorn.
    """
    folder = bin_folder or Path(os.environ.get("LAKELET_SUPERSET_BIN") or SUPERSET_BIN)
    python = folder / "python"
    if not (folder / "gunicorn").exists():
        raise ConfigError(
            f"Superset is not installed: looked for gunicorn in {folder}; "
            "run `make up` to install it, or set LAKELET_SUPERSET_BIN to its environment's bin"
        )
    return [
        str(python),
        "-m",
        "gunicorn",
        "--config",
        str(HERE / "gunicorn_conf.py"),
        "services.superset.wsgi:application",
    ]


def superset_environment(settings: Settings, inherited: dict[str, str]) -> dict[str, str]:
    """Return the environment of Superset's process; its folders exist when this returns.

    The data folder is made for this user only: it holds cached query results.
    """
    folder = settings.data_dir / "superset"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = {
        "SUPERSET_CONFIG_PATH": HERE / "superset_config.py",
        "SUPERSET_HOME": folder,
        "SUPERSET_SECRET_KEY": settings.superset_secret_key.get_secret_value(),
        "LAKELET_DATABASE_URI": settings.postgres_dsn("superset"),
        "LAKELET_DATA_DIR": folder,
        "LAKELET_BIND": f"{settings.bind_address}:{settings.superset_port}",
        "LAKELET_ADMIN_USER": settings.admin_user,
        "LAKELET_ADMIN_PASSWORD": settings.admin_password.get_secret_value(),
        "LAKELET_LOG_LEVEL": settings.log_level.upper(),
        "PYTHONPATH": CHECKOUT,
        "PYTHONUNBUFFERED": "1",
        # glibc gives each of the eight threads an arena of its own otherwise: +60 MB resident.
        "MALLOC_ARENA_MAX": "2",
    }
    kept = {name: value for name, value in inherited.items() if name not in _FOREIGN}
    return kept | {name: str(value) for name, value in given.items()}
