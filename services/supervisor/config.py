"""supervisord's configuration, written anew from the settings at each start."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from configparser import RawConfigParser
from pathlib import Path

from services.common.errors import RefusedError
from services.common.settings import CHECKOUT, Settings
from services.supervisor.programs import PROGRAMS

# The mark by which this platform's processes are found again, whoever their parent is.
INSTANCE_VARIABLE = "LAKELET_INSTANCE"

_LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes; supervisord appends `.<pid>` first


def run_folder(settings: Settings) -> Path:
    """Return (making it, mode 700) the folder of supervisord's own files."""
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def log_folder(settings: Settings) -> Path:
    """Return (making it) the folder of the services' logs."""
    folder = settings.data_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def socket_path(settings: Settings) -> Path:
    """Return supervisord's control socket; in the temporary folder where the home's path is long.

    Raises RefusedError when someone else owns that temporary folder.
    """
    path = run_folder(settings) / "supervisor.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"lakelet-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RefusedError(f"{folder} belongs to another user; remove it or set TMPDIR")
    return folder / "supervisor.sock"


def write_config(settings: Settings) -> Path:
    """Write `supervisord.conf` and return its path."""
    parser = RawConfigParser()
    run, socket = run_folder(settings), socket_path(settings)
    parser["unix_http_server"] = {"file": str(socket), "chmod": "0600"}
    parser["supervisord"] = {
        "logfile": str(log_folder(settings) / "supervisor.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "2",
        "pidfile": str(run / "supervisord.pid"),
        "directory": str(CHECKOUT),
        "umask": "077",
        "minfds": "1024",
    }
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    parser["supervisorctl"] = {"serverurl": f"unix://{socket}"}
    for program in PROGRAMS:
        parser[f"program:{program.name}"] = {
            "command": f'"{sys.executable}" -m services.{program.name}'.replace("%", "%%"),
            "stdout_logfile": str(log_folder(settings) / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "5",
            "redirect_stderr": "true",
            "autostart": "false",  # started in order of health
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "1000",  # each try waits a second longer than the one before
            "stopsignal": program.stop_signal,
            "stopwaitsecs": "20",
            "killasgroup": "true",
        }
    path = run / "supervisord.conf"
    with path.open("w") as file:
        parser.write(file)
    return path


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment the services run in: ours, with the home and the mark set."""
    return {
        **os.environ,
        "LAKELET_HOME": str(settings.lakelet_home),
        INSTANCE_VARIABLE: str(settings.data_dir),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(CHECKOUT),
    }
